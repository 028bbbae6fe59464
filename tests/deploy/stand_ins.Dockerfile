# Stand-ins for the images that deploy/docker-compose.yml takes from others: the same programs, users and volumes, over
# the Debian that Tally's images are made from. The context has the programs consul and jaeger, Kafka's jars in kafka/,
# and the scripts *_stand_in.sh.
ARG BASE

FROM ${BASE} AS redis
# Nothing is started by being installed.
RUN printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d && chmod 755 /usr/sbin/policy-rc.d \
    && apt-get update -qq && apt-get install -y -qq --no-install-recommends redis-server \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/* && install -d -o 999 -g 1000 /data
VOLUME /data
WORKDIR /data
EXPOSE 6379

FROM ${BASE} AS consul
COPY consul /usr/local/bin/
RUN install -d -o 100 -g 1000 /consul/data
VOLUME /consul/data
EXPOSE 8500

FROM ${BASE} AS kafka
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends openjdk-17-jre-headless \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/* \
    && install -d -o 1000 -g 1000 /opt/kafka/config /opt/kafka/logs /var/lib/kafka/data
COPY kafka /opt/kafka/libs
COPY kafka_stand_in.sh /etc/kafka/docker/run
VOLUME /var/lib/kafka/data
EXPOSE 9092
CMD ["/etc/kafka/docker/run"]

FROM ${BASE} AS prometheus
RUN printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d && chmod 755 /usr/sbin/policy-rc.d \
    && apt-get update -qq && apt-get install -y -qq --no-install-recommends prometheus wget \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/* && install -d -o 65534 -g 65534 /prometheus
VOLUME /prometheus
WORKDIR /prometheus
EXPOSE 9090
ENTRYPOINT ["/bin/prometheus"]

FROM ${BASE} AS alertmanager
RUN printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d && chmod 755 /usr/sbin/policy-rc.d \
    && apt-get update -qq && apt-get install -y -qq --no-install-recommends prometheus-alertmanager wget \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/* && install -d -o 65534 -g 65534 /alertmanager
VOLUME /alertmanager
WORKDIR /alertmanager
EXPOSE 9093
ENTRYPOINT ["/usr/bin/prometheus-alertmanager"]

FROM ${BASE} AS all-in-one
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends wget \
    && rm -rf /var/lib/apt/lists/* /var/cache/apt/*
COPY jaeger jaeger_stand_in.sh /usr/local/bin/
EXPOSE 4318 16686
ENTRYPOINT ["/usr/local/bin/jaeger_stand_in.sh"]
