#!/bin/sh
# Starts and stops one Apache Kafka broker from its published jars, for machines without Docker.
#
#   docker/kafka-local.sh start|stop|restart|pause|resume|status [port]
#
# `start` prints the bootstrap address once the broker answers. Needs Java 17 or newer and, the first time, Maven, which puts
# the jars (43 MB) into the cache folder. `start` makes a new folder for messages, and `stop` removes it.
# `restart` kills the broker and starts it again with the same messages; `pause` halts its process until `resume`.
#
# SQUALL_KAFKA_CACHE names the cache folder (default: ${XDG_CACHE_HOME:-~/.cache}/squall/kafka).
set -eu

version=4.2.0
# The version of Kafka's own slf4j-api. Without a matching logger the broker does not print that it is ready.
slf4j_version=1.7.36
cache=${SQUALL_KAFKA_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/squall/kafka}
port=${2:-9092}
controller_port=$((port + 1))
lib=$cache/lib-$version
run=$cache/run-$port
ready_within_s=60

fail() {
    echo "kafka-local: $1" >&2
    exit 1
}

need() {
    command -v "$1" >/dev/null 2>&1 || fail "needs $1; on Debian: apt-get install $2"
}

pid() {
    cat "$run/pid" 2>/dev/null || true
}

# Returns whether the noted process is still the broker, and not a later process with the same number.
running() {
    [ -n "$(pid)" ] && ps -o args= -p "$(pid)" 2>/dev/null | grep -qF "$run/server.properties"
}

fetch() {
    [ -e "$lib/complete" ] && return
    need mvn maven
    echo "kafka-local: fetching Kafka $version into $lib" >&2
    mkdir -p "$lib"
    cat >"$lib/pom.xml" <<POM
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>squall</groupId>
  <artifactId>kafka-local</artifactId>
  <version>1</version>
  <packaging>pom</packaging>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId>
      <artifactId>kafka_2.13</artifactId>
      <version>$version</version>
    </dependency>
    <dependency>
      <groupId>org.slf4j</groupId>
      <artifactId>slf4j-simple</artifactId>
      <version>$slf4j_version</version>
    </dependency>
  </dependencies>
</project>
POM
    mvn -q -B -f "$lib/pom.xml" dependency:copy-dependencies -DoutputDirectory="$lib/jars" -DincludeScope=runtime >&2 ||
        fail "Maven could not fetch Kafka $version"
    touch "$lib/complete"
}

start() {
    if running; then
        echo "127.0.0.1:$port"
        return
    fi
    need java openjdk-17-jre-headless
    fetch
    rm -rf "$run"
    mkdir -p "$run"
    cat >"$run/server.properties" <<PROPERTIES
process.roles=broker,controller
node.id=1
controller.quorum.bootstrap.servers=127.0.0.1:$controller_port
listeners=PLAINTEXT://127.0.0.1:$port,CONTROLLER://127.0.0.1:$controller_port
advertised.listeners=PLAINTEXT://127.0.0.1:$port,CONTROLLER://127.0.0.1:$controller_port
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs=$run/data
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
log.retention.ms=-1
PROPERTIES
    # 16 bytes in base64. The id begins with A, because a dash at the beginning would be read as an option.
    cluster=A$(head -c 16 /dev/urandom | base64 | tr '+/' '-_' | cut -c 2-22)
    java -cp "$lib/jars/*" kafka.tools.StorageTool format --standalone -t "$cluster" -c "$run/server.properties" \
        >"$run/format.log" 2>&1 || fail "could not format the storage; see $run/format.log"
    launch
}

# Runs the broker on the folder that `start` made.
launch() {
    : >"$run/broker.log"
    setsid java -Xmx512m -cp "$lib/jars/*" kafka.Kafka "$run/server.properties" >"$run/broker.log" 2>&1 </dev/null &
    echo $! >"$run/pid"
    waited=0
    until grep -q "Kafka Server started" "$run/broker.log"; do
        running || fail "the broker ended; see $run/broker.log"
        [ "$waited" -lt $((ready_within_s * 5)) ] || fail "the broker was not ready within $ready_within_s s; see $run/broker.log"
        sleep 0.2
        waited=$((waited + 1))
    done
    echo "127.0.0.1:$port"
}

restart() {
    running || fail "no broker runs on port $port"
    kill -KILL "$(pid)"
    while running; do sleep 0.2; done
    launch
}

stop() {
    if running; then
        # A paused process ends only after it goes on.
        kill -CONT "$(pid)"
        kill "$(pid)"
        while running; do sleep 0.2; done
    fi
    rm -rf "$run"
}

case ${1:-} in
start) start ;;
stop) stop ;;
restart) restart ;;
pause)
    running || fail "no broker runs on port $port"
    kill -STOP "$(pid)"
    ;;
resume)
    running || fail "no broker runs on port $port"
    kill -CONT "$(pid)"
    ;;
status)
    running || fail "no broker runs on port $port"
    echo "127.0.0.1:$port"
    ;;
*) fail "usage: $0 start|stop|restart|pause|resume|status [port]" ;;
esac
