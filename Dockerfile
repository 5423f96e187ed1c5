# The service with one bundle in it: `make image` builds this, `make smoke` tries it. Its root file system can be read-only.
# The tag moves with the fixes of Python and Debian; Dependabot (.github/dependabot.yml) proposes the digest to pin it by.
FROM python:3.13-slim-bookworm AS builder
WORKDIR /app
COPY requirements/serve.txt requirements/
RUN python -m venv --without-pip /venv && \
    python -m pip --disable-pip-version-check --python /venv/bin/python install --no-cache-dir --no-compile \
      --only-binary :all: --require-hashes --requirement requirements/serve.txt
COPY src src
# Bytecode that is checked by nothing: copying changes times, and a read-only file system could not repair it.
RUN python -m compileall -q --invalidation-mode unchecked-hash /venv src

FROM python:3.13-slim-bookworm
WORKDIR /app
ENV PATH=/venv/bin:$PATH PYTHONPATH=/app/src PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 \
    TARMAC_BUNDLE=/app/bundle TARMAC_HOST=0.0.0.0 TARMAC_PORT=8080
COPY --from=builder /venv /venv
COPY --from=builder --chmod=555 /app/src src
COPY --chmod=444 pyproject.toml pyproject.toml
# The link is followed; `make image` names the folder behind it, so that it cannot change on the way.
ARG BUNDLE=served/live
COPY --chmod=555 $BUNDLE bundle
ARG VERSION=none
ARG REVISION=none
LABEL org.opencontainers.image.title=tarmac \
      org.opencontainers.image.version=$VERSION \
      org.opencontainers.image.revision=$REVISION
# A number, so that Kubernetes can see that it is not root.
USER 65532:65532
EXPOSE 8080
STOPSIGNAL SIGTERM
# Without a proxy: one that the environment names would be asked for this very machine.
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s --retries=3 \
  CMD ["python", "-c", "import os, urllib.request as u; u.build_opener(u.ProxyHandler({})).open(f'http://127.0.0.1:{os.environ[\"TARMAC_PORT\"]}/health', timeout=2)"]
CMD ["python", "-m", "tarmac.serving"]
