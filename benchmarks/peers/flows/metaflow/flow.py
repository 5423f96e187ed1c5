"""Run the four steps as a Metaflow flow; `resume STEP` takes those before it as they were."""

from importlib import import_module

from metaflow import FlowSpec, step


class Pipeline(FlowSpec):
    """From raw data to predictions."""

    def make(self, name: str) -> None:
        import_module(f"tarmac.pipeline.{name}.stage").main()

    @step
    def start(self) -> None:
        self.make("prepare")
        self.next(self.featurize)

    @step
    def featurize(self) -> None:
        self.make("featurize")
        self.next(self.train)

    @step
    def train(self) -> None:
        self.make("baseline")
        self.make("train")
        self.next(self.evaluate)

    @step
    def evaluate(self) -> None:
        self.make("evaluate")
        self.next(self.end)

    @step
    def end(self) -> None:
        pass


if __name__ == "__main__":
    Pipeline()
