#!/bin/bash
# Fetches Apache Kafka by Maven, with all that it needs, into build/kafka/lib; nothing is installed, but that Maven
# keeps its copies where it always does. The last line printed is that folder. Does nothing else when it is there. Needs
# no root. What runs it: deploy/local/kafka_server.sh.
set -euo pipefail
cd "$(dirname "$0")/../.."

VERSION=4.4.0
PLUGIN=org.apache.maven.plugins:maven-dependency-plugin:3.8.1
DIR=$PWD/build/kafka
LIB=$DIR/lib

is_there() {
    [ -f "$LIB/kafka_2.13-$VERSION.jar" ]
}

require() { # program, what it is
    command -v "$1" >/dev/null || {
        echo "kafka.sh: there is no $2 here: \`make deps-stack\` installs it" >&2
        exit 1
    }
}

# slf4j's version is that of the slf4j-api that Kafka comes with.
write_pom() {
    cat >"$work/pom.xml" <<XML
<project>
  <modelVersion>4.0.0</modelVersion>
  <groupId>tally</groupId>
  <artifactId>kafka-of-the-local-stack</artifactId>
  <version>1</version>
  <packaging>pom</packaging>
  <dependencies>
    <dependency>
      <groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>$VERSION</version>
    </dependency>
    <dependency>
      <groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>1.7.36</version>
    </dependency>
  </dependencies>
</project>
XML
}

fetch() {
    rm -rf "$work"
    mkdir -p "$work"
    write_pom
    mvn --batch-mode --quiet --file "$work/pom.xml" "$PLUGIN:copy-dependencies" -DincludeScope=runtime \
        -DoutputDirectory="$work/lib" >&2 || {
        echo "kafka.sh: Maven does not give Kafka $VERSION: see above; does ~/.m2/settings.xml name the registry that" \
            "this machine reaches? Or put the jars into $LIB" >&2
        return 1
    }
}

require java "Java"
mkdir -p "$DIR"
exec 9>"$DIR/lock"
flock 9
if ! is_there; then
    require mvn "Maven"
    work=$DIR/work
    trap 'rm -rf "$work"' EXIT
    fetch
    rm -rf "$LIB"
    mv "$work/lib" "$LIB"
    is_there || {
        echo "kafka.sh: what Maven gave has no kafka_2.13-$VERSION.jar" >&2
        exit 1
    }
fi
echo "$LIB"
