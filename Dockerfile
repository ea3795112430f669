# The pinned container. `docker build -t harness . && docker run harness verify` needs no mounts and no network to run.
# Better: `harness image build`, which also writes the labels (source commit, hashes of lock and code, digest of the base).
#
# Why this base: torch's pinned wheels bring the CUDA libraries they were built with, and the driver comes from the host, so
# a CUDA base image would only add a second, unused CUDA. nvidia/cuda by digest is not offered either: its images hold
# no Python 3.11. Another Debian or python image with Python 3.11, venv and pip goes through BASE_IMAGE.
ARG BASE_IMAGE=python:3.11-slim-bookworm@sha256:a36c24f9cbdf4fd0f52d67f0823eeac19c2028c637cecc392d97f980d4fec56b

FROM ${BASE_IMAGE} AS build
# TORCH: cuda (runs on a CPU too; every index has it) or cpu (a third of the size; PIP_ARGS says where the wheel is:
# '--extra-index-url ADDRESS', with the address of PyTorch's installation page, or put the wheel into requirements/wheels/).
ARG TORCH=cuda
ARG PIP_ARGS=
ARG LOCK_SHA256=
ENV PIP_NO_CACHE_DIR=1 PIP_NO_INPUT=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore PYTHONHASHSEED=0
WORKDIR /build
COPY requirements requirements
# Every package with its hash and nothing that the lock doesn't name (setuptools first: some have no wheel and are built with
# it); then away with what neither a run nor a verification uses: tests of packages, C headers, static
# libraries, MLflow's web pages.
RUN set -eu; \
    if [ -n "$LOCK_SHA256" ]; then echo "$LOCK_SHA256  requirements/$TORCH.txt" | sha256sum --check --quiet -; fi; \
    python3 -m venv --without-pip /opt/harness; \
    if [ -d requirements/wheels ]; then PIP_ARGS="$PIP_ARGS --find-links requirements/wheels"; fi; \
    awk 'index($0, "setuptools==") == 1 { on = 1 } on { print } on && !/\\$/ { on = 0 }' "requirements/$TORCH.txt" >setuptools.txt; \
    for file in setuptools.txt "requirements/$TORCH.txt"; do \
        python3 -m pip --python /opt/harness/bin/python install -q --no-deps --no-build-isolation --use-pep517 \
            $PIP_ARGS --require-hashes -r "$file"; \
    done; \
    cd /opt/harness/lib/python3*/site-packages; \
    find . -type d \( -name tests -o -name test \) -path './*/*' -not -path './torch/*' -prune -exec rm -rf {} +; \
    rm -rf torch/include torch/share torch/test pyarrow/include pyarrow/src mlflow/server/js; \
    find . -name '*.a' -delete
COPY LICENSE README.md params.yaml pyproject.toml setup.py ./
COPY harness harness
# The rules that verdicts follow go into the package, with the pinned results: mounted or archived ones are compared with them.
COPY reference reference
COPY tasks tasks
COPY profiles profiles
RUN python3 -m pip --python /opt/harness/bin/python install -q --no-deps --no-build-isolation --use-pep517 --no-index .

FROM ${BASE_IMAGE}
ARG BASE_IMAGE
ARG BASE_DIGEST=
ARG TORCH=cuda
ARG LOCK_SHA256=
ARG UNITS_SHA256=
ARG SOURCE_COMMIT=
ARG SOURCE_DIRTY=
LABEL org.opencontainers.image.title="harness" \
      org.opencontainers.image.description="Re-run cross-lingual intermediate-task training experiments and decide each claim" \
      org.opencontainers.image.revision="${SOURCE_COMMIT}" \
      org.opencontainers.image.base.name="${BASE_IMAGE}" \
      org.opencontainers.image.base.digest="${BASE_DIGEST}" \
      harness.source.dirty="${SOURCE_DIRTY}" \
      harness.torch="${TORCH}" \
      harness.lock.sha256="${LOCK_SHA256}" \
      harness.units.sha256="${UNITS_SHA256}"
# Determinism first, then silence: no telemetry, nothing looked up. The user may be any number (`docker run --user`), so
# home is /tmp and there is a name without an entry in /etc/passwd.
ENV PATH=/opt/harness/bin:$PATH \
    CUBLAS_WORKSPACE_CONFIG=:4096:8 \
    PYTHONHASHSEED=0 \
    NVIDIA_TF32_OVERRIDE=0 \
    TOKENIZERS_PARALLELISM=false \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    DO_NOT_TRACK=1 DVC_NO_ANALYTICS=1 MLFLOW_DISABLE_TELEMETRY=true HF_HUB_DISABLE_TELEMETRY=1 HF_HUB_OFFLINE=1 \
    DVC_SITE_CACHE_DIR=/tmp/dvc \
    HOME=/tmp USER=harness LOGNAME=harness LANG=C.UTF-8 \
    NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility \
    HARNESS_COMMIT=${SOURCE_COMMIT} HARNESS_DIRTY=${SOURCE_DIRTY}
COPY --from=build /opt/harness /opt/harness
WORKDIR /work
COPY .dvcignore dvc.lock dvc.yaml grid.json params.yaml ./
COPY .dvc .dvc
COPY profiles profiles
COPY tasks tasks
COPY reference reference
USER 10001:10001
HEALTHCHECK NONE
ENTRYPOINT ["harness"]
CMD ["--help"]
