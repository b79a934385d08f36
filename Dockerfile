# The images of flinktf: targets operator, flink, tensorflow, tensorflow-gpu. `make images` builds them.
#
# The context is dist/: flinktf's wheel (which has the connector's jar) and what it requires, both made by `make dist`. So
# an image needs neither Maven nor a JDK, and the layers below the last one of each image change only with constraints.txt.
# Each builder stands before its image: Docker's old builder makes all stages above a target, wanted or not.
ARG BASE_IMAGE=debian:bookworm-slim

FROM $BASE_IMAGE AS python
RUN apt-get update -qq \
 && apt-get install -y -qq --no-install-recommends ca-certificates python3 \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/log/* \
 && find / -xdev -perm /6000 -type f -exec chmod a-s {} + \
 && useradd --uid 10001 --user-group --no-create-home --shell /usr/sbin/nologin flinktf \
 && install -d -o 10001 -g 10001 /work /data /opt/flinktf/job
ENV PATH=/opt/flinktf/bin:$PATH HOME=/tmp LANG=C.UTF-8 PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
WORKDIR /work
USER 10001:10001

# A container's first process hears no signal that it does not wait for, as Python does not while it starts.
FROM python AS runtime
USER root
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends tini && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/log/*
USER 10001:10001
ENTRYPOINT ["tini", "--"]

FROM python AS builder
USER root
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends python3-venv && python3 -m venv /opt/flinktf
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_CERT=/etc/ssl/certs/ca-certificates.crt PYTHONDONTWRITEBYTECODE=
RUN pip install --quiet --upgrade pip
COPY constraints.txt /build/

# flinktf itself, unpacked once: its code is the last layer of every image.
FROM builder AS flinktf
COPY flinktf-*.whl /build/
RUN pip install --quiet --no-deps --no-compile --target /opt/wheel /build/flinktf-*.whl \
 && python3 -m compileall -q --invalidation-mode unchecked-hash /opt/wheel \
 && install -d /opt/no-jars && cp -r /opt/wheel/. /opt/no-jars && rm -rf /opt/no-jars/flinktf/jars

FROM builder AS operator-builder
COPY requirements-operator.txt /build/
RUN pip install --quiet -c /build/constraints.txt -r /build/requirements-operator.txt && pip uninstall --quiet -y pip setuptools

FROM runtime AS operator
COPY --from=operator-builder /opt/flinktf /opt/flinktf
COPY --from=flinktf /opt/no-jars /opt/flinktf/lib/python3.11/site-packages
ARG VERSION
LABEL org.opencontainers.image.title="flinktf/operator" org.opencontainers.image.description="the operator of FlinkTFJobs" \
      org.opencontainers.image.version=$VERSION org.opencontainers.image.licenses=Apache-2.0
ENTRYPOINT ["tini", "--", "python", "-m", "flinktf_operator"]

FROM builder AS flink-builder
COPY requirements-flink.txt /build/
RUN pip install --quiet -c /build/constraints.txt -r /build/requirements-flink.txt \
 && pip uninstall --quiet -y pip \
 && cd /opt/flinktf/lib/python3.11/site-packages \
 && rm -rf pyflink/examples pyflink/opt/flink-sql-client-* \
      pyflink/plugins/metrics-datadog pyflink/plugins/metrics-graphite pyflink/plugins/metrics-influx \
      pyflink/plugins/metrics-jmx pyflink/plugins/metrics-statsd pyflink/plugins/metrics-slf4j \
 && find . -type d -name tests -prune -exec rm -rf {} + \
 && ln -s ../opt/$(basename pyflink/opt/flink-python-*.jar) pyflink/lib/ \
 && ln -s "$PWD/flinktf/jars/flink-connector-tensorflow.jar" pyflink/lib/

FROM runtime AS flink
USER root
RUN apt-get update -qq \
 && apt-get install -y -qq --no-install-recommends openjdk-17-jre-headless \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/log/* \
 && find / -xdev -perm /6000 -type f -exec chmod a-s {} + \
 && ln -s /opt/flinktf/lib/python3.11/site-packages/pyflink /opt/flink
USER 10001:10001
ENV FLINK_HOME=/opt/flink FLINK_LIB_DIR=/opt/flink/lib FLINK_CONF_DIR=/etc/flink FLINK_LOG_DIR=/work FLINK_PID_DIR=/work \
    PATH=/opt/flink/bin:$PATH
COPY --from=flink-builder /opt/flinktf /opt/flinktf
COPY --from=flinktf /opt/wheel /opt/flinktf/lib/python3.11/site-packages
ARG VERSION
LABEL org.opencontainers.image.title="flinktf/flink" org.opencontainers.image.description="Flink with flinktf" \
      org.opencontainers.image.version=$VERSION org.opencontainers.image.licenses=Apache-2.0

FROM builder AS tensorflow-builder
COPY requirements-tensorflow.txt /build/
# tensorflow-cpu is tensorflow without what only a GPU can use: a third of its size. tf_keras asks for it by the other name.
RUN sed -i 's/^tensorflow==/tensorflow-cpu==/' /build/requirements-tensorflow.txt \
 && grep -v '^tf_keras' /build/requirements-tensorflow.txt > /build/requirements.txt \
 && pip install --quiet -c /build/constraints.txt -r /build/requirements.txt \
 && pip install --quiet --no-deps -c /build/constraints.txt "$(grep '^tf_keras' /build/requirements-tensorflow.txt)" \
 && cd /opt/flinktf/lib/python3.11/site-packages && rm -rf clang tensorflow/include && find . -type d -name tests -prune -exec rm -rf {} +

FROM runtime AS tensorflow
COPY --from=tensorflow-builder /opt/flinktf /opt/flinktf
COPY --from=flinktf /opt/no-jars /opt/flinktf/lib/python3.11/site-packages
ARG VERSION
LABEL org.opencontainers.image.title="flinktf/tensorflow" org.opencontainers.image.description="TensorFlow with flinktf's agent, for CPUs" \
      org.opencontainers.image.version=$VERSION org.opencontainers.image.licenses=Apache-2.0

FROM builder AS tensorflow-gpu-builder
COPY requirements-tensorflow.txt /build/
RUN sed 's/^tensorflow==/tensorflow[and-cuda]==/' /build/requirements-tensorflow.txt > /build/requirements.txt \
 && pip install --quiet -c /build/constraints.txt -r /build/requirements.txt \
 && cd /opt/flinktf/lib/python3.11/site-packages && rm -rf clang tensorflow/include && find . -type d -name tests -prune -exec rm -rf {} +

FROM runtime AS tensorflow-gpu
COPY --from=tensorflow-gpu-builder /opt/flinktf /opt/flinktf
COPY --from=flinktf /opt/no-jars /opt/flinktf/lib/python3.11/site-packages
ARG VERSION
LABEL org.opencontainers.image.title="flinktf/tensorflow-gpu" org.opencontainers.image.description="TensorFlow with flinktf's agent, for NVIDIA GPUs" \
      org.opencontainers.image.version=$VERSION org.opencontainers.image.licenses=Apache-2.0
ENV NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility
