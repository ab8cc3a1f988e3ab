# docker build -t smsclouds-emulator .
# docker run --rm --read-only -p 7672:7672 smsclouds-emulator
# Every flag is also a variable (EMULATOR_WORLD, EMULATOR_CLOCK, ...): docker run -e ...
# In the container it listens on every address, so who may reach it is what -p says:
# -p 127.0.0.1:7672:7672 keeps it to your machine, EMULATOR_CONTROL_SECRET its commands.
# Called by a name of its own it needs EMULATOR_ALLOWED_HOST=sms.example.com, or says 421.

# Any image with Python 3.11 or newer, its pip and its venv: --build-arg BASE=...
ARG BASE=python:3.12-slim

FROM ${BASE} AS build
# Where packages come from, where that is not pip's own index.
ARG PIP_INDEX_URL PIP_FIND_LINKS PIP_NO_INDEX
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /src
# First what changes seldom: the locked packages, each held to its hash.
COPY image.lock ./
RUN pip download --quiet --no-deps --only-binary :all: --require-hashes \
        --requirement image.lock --dest /wheels
COPY . .
# Of those, the emulator itself takes only what it runs with. Then what it reads of its
# own is read once, as that cannot be kept on a read-only disk; a layer dates its files
# to the second.
RUN python -m venv --without-pip /opt/emulator \
    && pip --python /opt/emulator/bin/python install --quiet \
        --no-index --find-links /wheels . \
    && find /opt/emulator -name '*.yaml' -exec touch --date=@0 {} + \
    && /opt/emulator/bin/python -I -c \
        'from emulator.serving import composition, settings; composition.build_program(settings.Settings())' \
    && install --directory --owner=10001 --group=10001 /data

FROM ${BASE}
LABEL org.opencontainers.image.title="smsclouds-emulator" \
      org.opencontainers.image.description="An SMS platform on your own machine: the Smsclouds V3 HTTP API, emulated for tests and development." \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /opt/emulator /opt/emulator
COPY --from=build --chown=10001:10001 /data /data
ENV PATH=/opt/emulator/bin:$PATH \
    EMULATOR_HOST=0.0.0.0 \
    EMULATOR_DATA=/data \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
USER 10001:10001
WORKDIR /tmp
VOLUME /data
EXPOSE 7672 2775
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s \
    CMD ["smsclouds-emulator", "healthcheck"]
ENTRYPOINT ["smsclouds-emulator"]
CMD ["serve"]
