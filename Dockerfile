# docker build -t smsclouds-emulator .
# docker run --rm --read-only -p 7672:7672 smsclouds-emulator
# Every flag is also a variable (EMULATOR_WORLD, EMULATOR_CLOCK, ...): docker run -e ...
# In the container it listens on every address, so who may reach it is what -p says:
# -p 127.0.0.1:7672:7672 keeps it to your machine, EMULATOR_CONTROL_SECRET its commands.

ARG BASE=python:3.12-slim

FROM ${BASE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /src
# First what changes seldom: the locked packages, each held to its hash.
COPY requirements.lock ./
RUN pip download --quiet --no-deps --only-binary :all: --require-hashes \
        --requirement requirements.lock --dest /wheels
COPY . .
# Of those, the emulator itself takes only what it runs with.
RUN python -m venv --without-pip /opt/emulator \
    && pip --python /opt/emulator/bin/python install --quiet \
        --no-index --find-links /wheels .

FROM ${BASE}
COPY --from=build /opt/emulator /opt/emulator
ENV PATH=/opt/emulator/bin:$PATH \
    EMULATOR_HOST=0.0.0.0 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
USER 10001:10001
WORKDIR /tmp
EXPOSE 7672 2775
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s \
    CMD ["smsclouds-emulator", "healthcheck"]
ENTRYPOINT ["smsclouds-emulator"]
CMD ["serve"]
