# Tally. `make help` lists the targets, the README says what each is for.
#
#   PROFILE=release|debug|asan|tsan|fuzz   what to build; each has its own directory under build/
#   CC=gcc|clang   WERROR=1 (warnings are errors)   V=1 (print the commands)
#   NO_DEPS=1 (install no packages)   and CPPFLAGS, CFLAGS, LDFLAGS, PKG_CONFIG, AR as usual

VERSION := $(file <VERSION)
PROFILE ?= release
PREFIX ?= /usr/local
SYSCONFDIR ?= /etc
FUZZ_SECONDS ?= 60

ifeq ($(origin CC),default)
CC := gcc
endif
ifeq ($(PROFILE),fuzz)
CC := clang
endif

# As many jobs as processors, unless told otherwise.
ifeq ($(MAKELEVEL)$(filter -j%,$(MAKEFLAGS)),0)
MAKEFLAGS += -j$(shell nproc)
endif

# ---- directories -------------------------------------------------------------------------------------------------

BUILD = $(if $(filter release,$(PROFILE)),build,build/$(PROFILE))
BIN = $(BUILD)/bin
OBJ = $(BUILD)/obj
LIB = $(BUILD)/lib
TESTS = $(BUILD)/tests
# Generated sources are the same in every profile.
GEN := build/gen

# ---- flags -------------------------------------------------------------------------------------------------------

PKG_CONFIG ?= pkg-config
PACKAGES := grpc gpr libmicrohttpd libprotobuf-c hiredis libcyaml libcjson libcurl rdkafka libdw zlib openssl

# pkg-config may be missing until `make deps` has run: ask it at the first use, and only once.
PACKAGE_CFLAGS = $(eval PACKAGE_CFLAGS := $$(shell $(PKG_CONFIG) --cflags $(PACKAGES)))$(PACKAGE_CFLAGS)
PACKAGE_LIBS = $(eval PACKAGE_LIBS := $$(shell $(PKG_CONFIG) --libs $(PACKAGES)) -lm)$(PACKAGE_LIBS)
# jemalloc serves malloc in the programs: the relay, which makes and frees ten thousand messages at a time, takes half the
# CPU. The sanitizers have an allocator of their own.
ALLOCATOR_release := -ljemalloc
ALLOCATOR_debug := -ljemalloc
PROGRAM_LIBS = $(PACKAGE_LIBS) $(ALLOCATOR_$(PROFILE))
CMOCKA_LIBS = $(eval CMOCKA_LIBS := $$(shell $(PKG_CONFIG) --libs cmocka))$(CMOCKA_LIBS)
PROTO_INCLUDE = $(eval PROTO_INCLUDE := $$(shell $(PKG_CONFIG) --variable=includedir libprotobuf-c))$(PROTO_INCLUDE)

WARNINGS := -Wall -Wextra -Wshadow -Wconversion -Wstrict-prototypes -Wmissing-prototypes -Wvla
# At -O1 with sanitizers gcc knows less of what values there may be, and warns of more.
ifdef WERROR
WARNINGS += $(if $(filter asan tsan,$(PROFILE)),,-Werror)
endif

SANITIZE_asan := -fsanitize=address,undefined -fno-sanitize-recover=all
SANITIZE_tsan := -fsanitize=thread
SANITIZE_fuzz := -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
SANITIZE := $(SANITIZE_$(PROFILE))

OPTIMIZE_release := -O2 -g -fno-omit-frame-pointer -D_FORTIFY_SOURCE=2
OPTIMIZE_debug := -O0 -g3
OPTIMIZE_asan := -O1 -g -fno-omit-frame-pointer
OPTIMIZE_tsan := -O1 -g -fno-omit-frame-pointer
OPTIMIZE_fuzz := -O1 -g -fno-omit-frame-pointer
OPTIMIZE := $(OPTIMIZE_$(PROFILE))
ifeq ($(OPTIMIZE),)
$(error PROFILE must be release, debug, asan, tsan or fuzz, not "$(PROFILE)")
endif

LANGUAGE := -std=gnu11 -D_GNU_SOURCE -pthread
INCLUDES := -I. -I$(GEN)
DEFINES := -DTALLY_VERSION='"$(VERSION)"'
HARDENING := -fPIE -fstack-protector-strong
# The objects are the same whatever folder the project is in. It is not among the recorded flags: a folder that is moved
# is not compiled anew.
REPRODUCIBLE = -ffile-prefix-map=$(CURDIR)=.

BASE_CFLAGS = $(LANGUAGE) $(OPTIMIZE) $(SANITIZE) $(HARDENING) $(INCLUDES) $(DEFINES) $(PACKAGE_CFLAGS) $(CPPFLAGS) $(CFLAGS)
OWN_CFLAGS = $(BASE_CFLAGS) $(WARNINGS)
LINK_FLAGS = -pthread $(SANITIZE) -pie -Wl,-z,relro,-z,now -Wl,--as-needed $(LDFLAGS)

# ---- output ------------------------------------------------------------------------------------------------------

ifdef V
say :=
Q :=
else ifneq ($(findstring s,$(firstword -$(MAKEFLAGS))),)
say := @:
Q := @
else
say = @printf '  %-8s%s\n'
Q := @
endif

# ---- sources -----------------------------------------------------------------------------------------------------

COMMON_SRC := $(wildcard common/*/*.c)
GATEWAY_SRC := $(filter-out gateway/main.c,$(wildcard gateway/*.c gateway/*/*.c))
SERVICE_MAINS := counter-service/main.c counter-service/verify_main.c
SERVICE_SRC := $(filter-out $(SERVICE_MAINS),$(wildcard counter-service/*.c counter-service/*/*.c))
MAIN_SRC := gateway/main.c $(SERVICE_MAINS)
FAKE_SRC := $(wildcard tests/fakes/*.c)
# They mirror the folders of what they test; tests/integration starts a real Redis.
UNIT_SRC := $(wildcard $(foreach tier,tests/unit tests/integration,$(tier)/*/test_*.c $(tier)/*/*/test_*.c))
FUZZ_SRC := $(wildcard tests/fuzz/fuzz_*.c)

SERVICES := tally/v1/counter tally/v1/event grpc/health/v1/health grpc/reflection/v1/reflection
OTLP := $(addprefix opentelemetry/proto/,common/v1/common resource/v1/resource trace/v1/trace collector/trace/v1/trace_service)
MESSAGES := $(SERVICES) perftools/profiles/profile $(OTLP)
# What the reflection service describes.
PROTOS := $(SERVICES:%=proto/%.proto) proto/grpc/reflection/v1alpha/reflection.proto
GEN_SRC := $(MESSAGES:%=$(GEN)/%.pb-c.c)
GEN_HEADERS := $(GEN_SRC:.c=.h)

# Files that are built into the programs: the symbol, and what it holds (see common/base/embed.S).
EMBEDDED := descriptor_set write_script open_session outbox_relieve ranking_read_script outbox_step openapi_document \
  gateway_help counter_service_help counter_verify_help \
  status_page_html status_page_css status_page_words status_page_draw status_page_script
EMBEDDED_FILE_descriptor_set := $(GEN)/descriptors.bin
EMBEDDED_FILE_write_script := counter-service/commands/write_script.lua
EMBEDDED_FILE_open_session := counter-service/commands/open_session.lua
EMBEDDED_FILE_outbox_relieve := counter-service/commands/outbox_relieve.lua
EMBEDDED_FILE_ranking_read_script := counter-service/commands/ranking_read.lua
EMBEDDED_FILE_outbox_step := counter-service/outbox/outbox_step.lua
EMBEDDED_FILE_openapi_document := proto/openapi.yaml
EMBEDDED_FILE_gateway_help := gateway/help.txt
EMBEDDED_FILE_counter_service_help := counter-service/help.txt
EMBEDDED_FILE_counter_verify_help := counter-service/verify/help.txt
EMBEDDED_FILE_status_page_html := gateway/page/page.html
EMBEDDED_FILE_status_page_css := gateway/page/page.css
EMBEDDED_FILE_status_page_words := gateway/page/page_words.js
EMBEDDED_FILE_status_page_draw := gateway/page/page_draw.js
EMBEDDED_FILE_status_page_script := gateway/page/page.js

objects_of = $(patsubst %.c,$(OBJ)/%.o,$(1))
GEN_OBJ = $(GEN_SRC:$(GEN)/%.c=$(OBJ)/gen/%.o) $(EMBEDDED:%=$(OBJ)/embedded/%.o)
SANITIZER_SRC := $(wildcard tests/sanitizers/*.c)
SANITIZER_OBJ_tsan = $(call objects_of,tests/sanitizers/c11_threads.c)
SANITIZER_OBJ = $(SANITIZER_OBJ_$(PROFILE))
OWN_OBJ = $(call objects_of,$(SANITIZER_SRC) $(COMMON_SRC) $(GATEWAY_SRC) $(SERVICE_SRC) $(MAIN_SRC) $(FAKE_SRC) $(UNIT_SRC) $(FUZZ_SRC))
ALL_LIBS = $(addprefix $(LIB)/,libgateway.a libcounter-service.a libcommon.a libgenerated.a libfakes.a)
UNIT_PROGRAMS = $(addprefix $(TESTS)/,$(basename $(notdir $(UNIT_SRC))))
REPLAY_PROGRAMS = $(FUZZ_SRC:tests/fuzz/fuzz_%.c=$(TESTS)/replay_%)
FUZZ_PROGRAMS = $(FUZZ_SRC:tests/fuzz/%.c=$(BIN)/%)

# ---- programs ----------------------------------------------------------------------------------------------------

.PHONY: all
all: $(BIN)/gateway $(BIN)/counter-service $(BIN)/counter-verify ## build the programs into build/bin

link = $(Q)$(CC) $(LINK_FLAGS) -o $@ $(filter %.o,$^) -Wl,--start-group $(filter %.a,$^) -Wl,--end-group

$(BIN)/gateway: $(OBJ)/gateway/main.o $(LIB)/libgateway.a $(LIB)/libcommon.a $(LIB)/libgenerated.a
	$(say) LINK $@
	@mkdir -p $(@D)
	$(link) $(PROGRAM_LIBS)

$(BIN)/counter-service: $(OBJ)/counter-service/main.o $(LIB)/libcounter-service.a $(LIB)/libcommon.a $(LIB)/libgenerated.a
	$(say) LINK $@
	@mkdir -p $(@D)
	$(link) $(PROGRAM_LIBS)

$(BIN)/counter-verify: $(OBJ)/counter-service/verify_main.o $(LIB)/libcounter-service.a $(LIB)/libcommon.a \
  $(LIB)/libgenerated.a
	$(say) LINK $@
	@mkdir -p $(@D)
	$(link) $(PROGRAM_LIBS)

$(BIN)/gateway $(BIN)/counter-service $(BIN)/counter-verify $(UNIT_PROGRAMS): $(SANITIZER_OBJ)

$(LIB)/libcommon.a: $(call objects_of,$(COMMON_SRC))
$(LIB)/libgateway.a: $(call objects_of,$(GATEWAY_SRC))
$(LIB)/libcounter-service.a: $(call objects_of,$(SERVICE_SRC))
$(LIB)/libfakes.a: $(call objects_of,$(FAKE_SRC))
$(LIB)/libgenerated.a: $(GEN_OBJ)

$(LIB)/%.a:
	$(say) AR $@
	@mkdir -p $(@D)
	@rm -f $@
	$(Q)$(AR) rcs $@ $(filter %.o,$^)

$(OBJ)/%.o: %.c $(BUILD)/flags | $(GEN_HEADERS)
	$(say) CC $<
	@mkdir -p $(@D)
	$(Q)$(CC) $(OWN_CFLAGS) $(REPRODUCIBLE) -MMD -MP -c -o $@ $<

$(OBJ)/gen/%.o: $(GEN)/%.c $(BUILD)/flags | $(GEN_HEADERS)
	$(say) CC $<
	@mkdir -p $(@D)
	$(Q)$(CC) $(BASE_CFLAGS) $(REPRODUCIBLE) -MMD -MP -c -o $@ $<

# Changes when the compiler or its flags do: then everything is compiled again.
.PHONY: force
$(BUILD)/flags: force | deps-build
	@mkdir -p $(@D)
	@printf '%s\n' '$(CC)' $(foreach flag,$(OWN_CFLAGS),'$(subst ','\'',$(flag))') | cmp -s - $@ || \
	 printf '%s\n' '$(CC)' $(foreach flag,$(OWN_CFLAGS),'$(subst ','\'',$(flag))') > $@

.PHONY: objects
objects: $(OWN_OBJ)

# ---- generated code ----------------------------------------------------------------------------------------------

# protobuf-c ends a string at its first NUL byte and tells nobody. As bytes the fields keep their length, and the
# validation sees the NUL. The option is added to a copy, so that the contract stays plain proto3; its import only where
# there is a string, since protoc warns of one that is not used.
$(GEN)/proto/%.proto: proto/%.proto
	@mkdir -p $(@D)
	$(Q)if ! grep -qE '^ *(repeated )?string ' $<; then cat $<; else \
	  sed -E -e 's/^( *(repeated )?string [a-z_]+ = [0-9]+);/\1 [(pb_c_field).string_as_bytes = true];/' \
	    -e 's|^package .*|&\nimport "protobuf-c/protobuf-c.proto";|' $<; fi > $@

$(GEN)/%.pb-c.c $(GEN)/%.pb-c.h: $(GEN)/proto/%.proto | deps-build
	$(say) PROTOC $<
	$(Q)protoc-c -I$(GEN)/proto -I$(PROTO_INCLUDE) --c_out=$(GEN) $<

# They import each other.
$(OTLP:%=$(GEN)/%.pb-c.c) $(OTLP:%=$(GEN)/%.pb-c.h): $(OTLP:%=$(GEN)/proto/%.proto)

$(GEN)/grpc/%.pb-c.c $(GEN)/grpc/%.pb-c.h: proto/grpc/%.proto | deps-build
	$(say) PROTOC $<
	@mkdir -p $(@D)
	$(Q)protoc-c -Iproto --c_out=$(GEN) $<

$(GEN)/descriptors.bin: $(PROTOS) | deps-build
	$(say) PROTOC $@
	@mkdir -p $(@D)
	$(Q)protoc -Iproto --include_imports --descriptor_set_out=$@ $(PROTOS)

define embed
$(OBJ)/embedded/$(1).o: common/base/embed.S $(EMBEDDED_FILE_$(1)) | deps-build
	$$(say) EMBED $(EMBEDDED_FILE_$(1))
	@mkdir -p $$(@D)
	$$(Q)$$(CC) -c -DSYMBOL=$(1) -DFILE='"$(EMBEDDED_FILE_$(1))"' -o $$@ $$<
endef
$(foreach symbol,$(EMBEDDED),$(eval $(call embed,$(symbol))))

# ---- tests -------------------------------------------------------------------------------------------------------

# What `make test` runs; one summary line for all of them.
TIERS ?= unit fuzz model contracts manifests e2e
TEST_BIN_DIR ?= $(CURDIR)/$(BIN)
RUN_TESTS = TESTS_DIR=$(TESTS) TEST_BIN_DIR=$(TEST_BIN_DIR) tests/run.sh

# gRPC and the other libraries are built without ThreadSanitizer: it sees neither their atomics nor absl's mutexes, and
# takes what they guard for races (thousands, all with one end inside a library). So their accesses are not looked at;
# ours are, against each other.
export TSAN_OPTIONS ?= ignore_noninstrumented_modules=1
export ASAN_OPTIONS ?= strict_string_checks=1
export UBSAN_OPTIONS ?= print_stacktrace=1

.PHONY: test test-unit test-e2e test-faults test-tools model asan tsan fuzz test-programs
test: all test-programs | deps-test ## unit tests, fuzz corpora, model, contract checks, end-to-end tests
	@$(RUN_TESTS) $(TIERS)

test-unit: $(UNIT_PROGRAMS) | deps-test ## unit tests only
	@$(RUN_TESTS) unit

test-e2e: all | deps-test ## end-to-end tests only; TEST_BIN_DIR=DIR: of other programs; PYTEST_ARGS
	@$(RUN_TESTS) e2e

test-faults: all | deps-test ## every part killed, stopped and restarted under load; the law of exact counting
	@$(RUN_TESTS) faults

test-tools: | deps-test ## fetch and build what the end-to-end tests need beside Debian's packages
	@tests/tools.sh

model: | deps-test ## the session protocol checked by spin, with larger bounds than `make test`; some minutes, 4 GB
	@MODEL_BOUNDS=large $(RUN_TESTS) model

# Not under AddressSanitizer: what programs of tests/integration run under it against real Redises; what tests the
# harness, scripts and documents rather than the programs; Prometheus's own queries; and what a browser asks for, which
# test_status_page.py does too.
NOT_ASAN := repartition every_redis faults_redis_tls sentinel replicas redis_cluster_harness redis_sentinel_harness \
  local_stack readme load_report dashboards prometheus status_browser
asan: ## unit, fuzz corpora and most end-to-end tests under AddressSanitizer and UBSan
	@$(MAKE) --no-print-directory PROFILE=asan TIERS="unit fuzz e2e" \
	  PYTEST_ARGS="$(NOT_ASAN:%=--ignore=tests/e2e/test_%.py) $(PYTEST_ARGS)" test

# Under ThreadSanitizer: where threads of a program meet. What a request is answered is one thread's work at a time, and
# any of these files has thousands of requests.
#   loops, poller and workers under load; calls that end by a deadline, a breaker, a lost connection
TSAN := exactness batch overload overload_batches breaker sessions slow_clients faults_processes faults_redis
TSAN += read_cache_waiting
#   instances that come and go, partitions that move: Consul's and name look-ups' threads, the topology's
TSAN += discovery store_identity cluster partitions_outcomes grpc_connection_age
#   start, stop and signals beside requests; what any thread writes or reads: log, metrics, profiles, traces
TSAN += drain signals health status_page logs metrics metrics_cardinality profiles tracing_export
#   relay and aggregator beside the workers; counter-verify's readers
TSAN += events rankings rankings_partitions verify verify_rankings
tsan: ## unit and the end-to-end tests in which threads meet, under ThreadSanitizer
	@$(MAKE) --no-print-directory PROFILE=tsan TIERS="unit e2e" E2E_FILES="$(TSAN:%=tests/e2e/test_%.py)" test

test-programs: $(UNIT_PROGRAMS) $(REPLAY_PROGRAMS)

define test_program
$(TESTS)/$(basename $(notdir $(1))): $(call objects_of,$(1))
endef
$(foreach source,$(UNIT_SRC),$(eval $(call test_program,$(source))))

$(UNIT_PROGRAMS): $(ALL_LIBS) | deps-test
	$(say) LINK $@
	@mkdir -p $(@D)
	$(link) $(PROGRAM_LIBS) $(CMOCKA_LIBS)

# A fuzz target over the files of its corpus, without clang's fuzzer.
$(TESTS)/replay_%: $(OBJ)/tests/fuzz/fuzz_%.o $(OBJ)/tests/fuzz/replay_main.o $(ALL_LIBS)
	$(say) LINK $@
	@mkdir -p $(@D)
	$(link) $(PACKAGE_LIBS)

$(call objects_of,$(FAKE_SRC) $(UNIT_SRC)): | deps-test

ifeq ($(PROFILE),fuzz)
fuzz: $(FUZZ_PROGRAMS)
	@FUZZ_SECONDS=$(FUZZ_SECONDS) tests/fuzz/fuzz.sh $^

$(BIN)/fuzz_%: $(OBJ)/tests/fuzz/fuzz_%.o $(ALL_LIBS)
	$(say) LINK $@
	@mkdir -p $(@D)
	$(link) -fsanitize=fuzzer $(PACKAGE_LIBS)
else
fuzz: | deps-lint ## run each fuzz target for FUZZ_SECONDS (60)
	@$(MAKE) --no-print-directory PROFILE=fuzz fuzz
endif

.PHONY: lint print-cflags print-warnings
lint: all | deps-lint deps-test ## format, warnings of gcc and clang, static analysis, project rules
	+@tests/lint/lint.sh

.PHONY: format
format: | deps-lint ## apply .clang-format; write the READMEs' tables of configuration keys
	@find common gateway counter-service tests -name '*.[ch]' -exec clang-format -i {} +
	@/usr/bin/python3 tests/lint/config_table.py --write

# One flag a line, for the checkers.
print-cflags: | deps-build
	@printf '%s\n' $(BASE_CFLAGS)
print-warnings:
	@printf '%s\n' $(WARNINGS)

.PHONY: load-test bench
load-test: all | deps-load ## five load levels with hey; fails on any error or a wrong final count
	@tests/load/load_test.sh

bench: all build/bin/bare_mhd_server | deps-load ## compare with webdis and bare libmicrohttpd; ROUNDS, DURATION, OUT
	@tests/load/bench.sh

.PHONY: compare overload
compare: all | deps-load ## OLD=DIR: rate and CPU time of the programs in DIR (or OLD=webdis) against these; ARGS
	@/usr/bin/python3 tests/load/compare.py $(OLD) $(BIN) $(ARGS)

overload: all | deps-load ## batch callers, few to 2,500, beside single increments; OLD=DIR for a comparison; ARGS
	@/usr/bin/python3 tests/load/overload.py $(OLD) $(BIN) $(ARGS)

.PHONY: bench-observed
bench-observed: all | deps-load ## what traces, scrapes and idle profiles cost, and how long a scrape takes; ARGS
	@/usr/bin/python3 tests/load/observed.py $(BIN) $(ARGS)

.PHONY: bench-events
bench-events: all | deps-load deps-stack ## what events cost, and how fast they reach a Kafka on this machine; ARGS
	@deploy/local/kafka.sh >/dev/null
	@/usr/bin/python3 tests/load/events.py $(BIN) $(ARGS)

build/bin/bare_mhd_server: tests/load/bare_mhd_server.c | deps-build
	$(say) CC $<
	@mkdir -p $(@D)
	$(Q)$(CC) -O2 $(LANGUAGE) $(WARNINGS) -o $@ $< -lmicrohttpd

# ---- local stack -------------------------------------------------------------------------------------------------

.PHONY: run stack stop
run: all | deps-run ## start Redis, Consul, counter-service and gateway, until Ctrl-C
	@deploy/local/run.sh

stack: all | deps-stack ## the same with Kafka for the events, Prometheus with Alertmanager, and Jaeger for the traces
	@WITH_KAFKA=1 WITH_PROMETHEUS=1 WITH_JAEGER=1 deploy/local/run.sh

stop: ## stop what `make run` or `make stack` started
	@deploy/local/stop.sh

# ---- installation and images -------------------------------------------------------------------------------------

INSTALL = BIN_DIR=$(BIN) DESTDIR='$(DESTDIR)' PREFIX='$(PREFIX)' SYSCONFDIR='$(SYSCONFDIR)' deploy/install.sh

# What each program's --help prints, and the configuration, as manual pages.
HELP_TEXTS := gateway/help.txt counter-service/help.txt counter-service/verify/help.txt
.PHONY: man
man: build/man/.made ## the manual pages, into build/man
build/man/.made: $(HELP_TEXTS) configs/config.yaml VERSION CHANGELOG.md $(wildcard deploy/man/*.py) | deps-man
	$(say) MAN $(@D)
	$(Q)/usr/bin/python3 deploy/man/man_pages.py $(@D)
	@touch $@

.PHONY: install uninstall
install: all man ## programs, units, manual and configuration, into DESTDIR, PREFIX (/usr/local), SYSCONFDIR (/etc)
	@$(INSTALL) install

uninstall: ## remove what `make install` put there; the configuration and the user stay
	@$(INSTALL) uninstall

.PHONY: test-install test-units
test-install: all | deps-deploy ## install into a clean Debian 12, run both programs there, uninstall; as root
	+@tests/deploy/test_install.sh

test-units: all | deps-deploy ## boot a Debian 12 with systemd and run the units in it; as root
	+@tests/deploy/test_units.sh

.PHONY: deb test-deb
deb: all man | deps-deb ## Debian packages, into build/deb
	@BIN_DIR=$(BIN) deploy/deb/build.sh

test-deb: deb | deps-deploy ## install, upgrade, remove and purge the packages in a Debian 12 with systemd; as root
	+@tests/deploy/test_deb.sh

.PHONY: images test-images test-compose
images: | deps-deploy ## both container images, without a container engine; as root
	@VERSION=$(VERSION) deploy/docker/build.sh

test-images: images ## run both images with Redis and Consul; as root
	@VERSION=$(VERSION) tests/deploy/test_images.sh

test-compose: images ## run docker-compose.yml in a container engine of its own, with faults; as root
	@VERSION=$(VERSION) tests/deploy/test_compose.sh

.PHONY: test-k8s
test-k8s: | deps-k8s ## deploy/k8s before a real kube-apiserver, which is built the first time (some ten minutes)
	@tests/k8s/test_k8s.sh

# ---- the rest ----------------------------------------------------------------------------------------------------

# Each is a quick check that installs nothing when nothing is missing.
DEPS := deps-build deps-man deps-run deps-stack deps-test deps-lint deps-load deps-deb deps-deploy deps-k8s
.PHONY: deps $(DEPS)
deps: ## install the Debian packages that are missing, for all targets but those of installation, packages, images and Kubernetes
	@deploy/local/deps.sh build run stack test lint load
$(DEPS): deps-%:
	@deploy/local/deps.sh $*

.PHONY: clean
clean: ## remove build/
	rm -rf build

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  %-14s%s\n", $$1, $$2 }' Makefile

# Kept although only intermediate for make.
.SECONDARY:
.DELETE_ON_ERROR:

-include $(OWN_OBJ:.o=.d) $(GEN_SRC:$(GEN)/%.c=$(OBJ)/gen/%.d)
