# Postern's one Makefile. Sources are found by folder: adding a file needs no edit here.
# MODE=asan|tsan|cov builds into build/MODE; V=1 shows commands; J=N jobs; BUILD=DIR builds elsewhere
BUILD ?= build
DEPS ?= build/deps
PREFIX ?= /usr/local
CC := $(if $(filter default,$(origin CC)),gcc,$(CC))
CXX := $(if $(filter default,$(origin CXX)),g++,$(CXX))
O := $(BUILD)$(if $(MODE),/$(MODE))
Q := $(if $(V),,@)
say = $(if $(V),,@printf '  %-5s %s\n' '$(1)' '$(2)')

# Several goals in one call run one after the other; a single one may use all cores.
ifneq ($(and $(filter 0,$(MAKELEVEL)),$(filter 0 1,$(words $(MAKECMDGOALS)))),)
MAKEFLAGS += -j$(or $(J),$(shell nproc))
endif
# Written by tools/deps.sh; goals that build nothing work without it.
ifneq ($(filter-out help clean fmt,$(or $(MAKECMDGOALS),all)),)
include $(DEPS)/flags.mk
endif

FLAGS_plain := -O3
FLAGS_asan := -O1 -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
FLAGS_tsan := -O1 -fsanitize=thread -fno-omit-frame-pointer
FLAGS_cov := -O0 --coverage
FLAGS_fuzz := $(FLAGS_asan) -fsanitize=fuzzer-no-link $(if $(findstring clang,$(CC)),-fno-sanitize=function)
MODE_FLAGS := -g $(or $(FLAGS_$(or $(MODE),plain)),$(error MODE=$(MODE) is none of asan, tsan, cov, fuzz))
PIC := -fPIE
WARN := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wvla -Werror
CPPFLAGS_ALL = -I. -D_GNU_SOURCE $(MHD_CFLAGS) $(PKG_CFLAGS) $(CPPFLAGS)
CFLAGS_ALL = -std=gnu11 $(MODE_FLAGS) $(PIC) -Wstrict-prototypes -Wmissing-prototypes $(WARN) $(CFLAGS)
CXXFLAGS_ALL = -std=c++17 $(MODE_FLAGS) $(PIC) -fno-exceptions -fno-rtti $(WARN) $(CXXFLAGS)
# RE2 and the libstdc++ that it is written with are linked in, so that nobody pays for loading them, and
# kept to ourselves, so that they do not get mixed with those that libgrpc brings.
LDFLAGS_ALL = $(MODE_FLAGS) -Wl,--as-needed,--exclude-libs,libre2.a:libstdc++.a,--wrap=MHD_create_response_from_buffer_static,--wrap=epoll_ctl,--wrap=epoll_wait,--wrap=recv,--wrap=sendmsg $(LDFLAGS)
LIBS = $(MHD_LIBS) $(PKG_LIBS) -l:libre2.a -l:libstdc++.a -lm -lpthread -ldl
GRPC_LIBS := -lgrpc -lgpr
CURL_LIBS := -lcurl-gnutls

# $(call src,folders): the C and C++ sources right inside them. $(call obj,sources): their objects.
src = $(sort $(foreach d,$(1),$(wildcard $(d)/*.c $(d)/*.cc)))
obj = $(patsubst %,$(O)/obj/%.o,$(basename $(1)))
TRANSCODER := $(call src,transcoder)
GRPC_MODULE := $(wildcard gateway/upstream/grpc_core*.c)
FETCH_MODULE := gateway/upstream/http_fetch_curl.c
GATEWAY := $(filter-out gateway/main.c $(GRPC_MODULE) $(FETCH_MODULE),$(call src,gateway $(wildcard gateway/*)))
GENERATED := $(shell find gen -name '*.c' 2>/dev/null)
TESTS := $(shell find tests/unit -name '*_test.c' 2>/dev/null)
SOURCES := $(TRANSCODER) $(GATEWAY) $(GRPC_MODULE) $(FETCH_MODULE) $(GENERATED) \
           $(call src,stubs tools/protoc-gen-postern tools/demo-backend tools/conformance-testee tools/cel-testee tests/fakes tests/unit/support)
LIBRARIES := $(addprefix $(O)/lib,stubs.a gateway.a gen.a transcoder.a)
PROGRAMS := $(if $(wildcard gateway/main.c),$(O)/postern) $(O)/postern-grpc-core.so $(O)/postern-http-fetch.so \
            $(foreach t,protoc-gen-postern demo-backend conformance-testee cel-testee,$(if $(call src,tools/$(t)),$(O)/$(t)))
UNIT_TESTS := $(patsubst tests/unit/%.c,$(O)/tests/unit/%,$(TESTS))

export POSTERN_BUILD := $(O)
.PHONY: all deps gen unit-tests check coverage check-all prove-numbers bench profile bench-micro soak fuzz fuzz-targets conformance lint fmt install demo gateway clean help FORCE
.DELETE_ON_ERROR .SECONDARY:

all: $(LIBRARIES) $(PROGRAMS) ## build everything (the default)

$(DEPS)/flags.mk: tools/deps.sh
	@tools/deps.sh $(DEPS)
deps: ## install what is missing: Debian packages by apt, libmicrohttpd built once and cached
	@tools/deps.sh --force $(DEPS) && echo 'deps: all there'

# Objects are made anew when the flags change, archives when a source comes or goes.
$(O)/flags.txt: private stamp = $(CC) $(CFLAGS_ALL) $(CXX) $(CXXFLAGS_ALL) $(CPPFLAGS_ALL) $(LDFLAGS_ALL)
$(O)/sources.txt: private stamp = $(SOURCES)
$(O)/flags.txt $(O)/sources.txt: FORCE
	@mkdir -p $(@D); echo '$(stamp)' | cmp -s - $@ || echo '$(stamp)' >$@

# What protoc-gen-c writes is not ours to keep free of warnings.
$(O)/obj/%.pb-c.o: private WARN := -w
$(call obj,$(GRPC_MODULE) $(FETCH_MODULE)): private PIC := -fPIC
$(O)/obj/%.o: %.c $(O)/flags.txt
	$(call say,CC,$<)
	$(Q)mkdir -p $(@D) && $(CC) $(CFLAGS_ALL) $(CPPFLAGS_ALL) -MMD -MP -c -o $@ $<
$(O)/obj/%.o: %.cc $(O)/flags.txt
	$(call say,CXX,$<)
	$(Q)mkdir -p $(@D) && $(CXX) $(CXXFLAGS_ALL) $(CPPFLAGS_ALL) -MMD -MP -c -o $@ $<

$(O)/obj/gateway/policy/limit_script.o: gateway/policy/limit.lua
$(O)/libtranscoder.a: $(call obj,$(TRANSCODER))
$(O)/libgateway.a: $(call obj,$(GATEWAY))
$(O)/libgen.a: $(call obj,$(GENERATED))
$(O)/libstubs.a: $(call obj,$(call src,stubs))
$(O)/libfakes.a: $(call obj,$(call src,tests/fakes))
$(O)/libsupport.a: $(call obj,$(call src,tests/unit/support))
$(O)/lib%.a: $(O)/sources.txt
	$(call say,AR,$@)
	$(Q)mkdir -p $(@D) && rm -f $@ && ar rcs $@ $(filter %.o,$^)

define link
	$(call say,LINK,$@)
	$(Q)mkdir -p $(@D) && $(CC) $(LDFLAGS_ALL) -o $@ $(filter %.o,$^) \
	  -Wl,--start-group $(filter %.a,$^ $(MHD_LIBS)) -Wl,--end-group $(LINK_EXTRA) $(LIBS)
endef
# All of the gateway goes in and stays visible: the gRPC core module, loaded at run time, calls back into it.
POSTERN_OBJ := $(call obj,gateway/main.c $(GATEWAY) $(TRANSCODER))
$(O)/postern: private LINK_EXTRA := -rdynamic
$(O)/postern: $(POSTERN_OBJ) $(O)/libgen.a $(O)/sources.txt
	$(link)
$(O)/postern-grpc-core.so: $(call obj,$(GRPC_MODULE))
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS_ALL) -shared -o $@ $^ $(GRPC_LIBS)
$(O)/postern-http-fetch.so: $(call obj,$(FETCH_MODULE))
	$(call say,LINK,$@)
	$(Q)$(CC) $(LDFLAGS_ALL) -shared -o $@ $^ $(CURL_LIBS)
$(O)/protoc-gen-postern: $(call obj,$(call src,tools/protoc-gen-postern)) $(LIBRARIES)
	$(link)
$(O)/demo-backend: private LINK_EXTRA := $(GRPC_LIBS)
$(O)/demo-backend: $(call obj,$(call src,tools/demo-backend)) $(LIBRARIES)
	$(link)
$(O)/cel-testee: $(call obj,$(call src,tools/cel-testee gateway/expr)) $(O)/libtranscoder.a
	$(link)
$(O)/conformance-testee: $(call obj,$(call src,tools/conformance-testee)) $(O)/libtranscoder.a
	$(link)
# The transcoder's tests get the transcoder alone; those of the gRPC core channel that module's objects too.
$(filter $(O)/tests/unit/gateway/upstream/grpc_core%,$(UNIT_TESTS)): $(call obj,$(GRPC_MODULE))
$(filter $(O)/tests/unit/gateway/upstream/http_fetch_curl%,$(UNIT_TESTS)): $(call obj,$(FETCH_MODULE))
$(filter-out $(O)/tests/unit/transcoder/%,$(UNIT_TESTS)): $(LIBRARIES)
# Wrappers are asked for by name (-u): what needs them (MHD, gcov) comes behind the archives they are in.
WRAPPED := -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=free,-u,__wrap_malloc
WRAPPED_MHD := -Wl,-u,__wrap_MHD_create_response_from_buffer_static,-u,MHD_pool_create
$(filter $(O)/tests/unit/gateway/worker_test $(O)/tests/unit/gateway/front/%,$(UNIT_TESTS)): private WRAPPED += $(WRAPPED_MHD)
$(O)/tests/unit/%: private LINK_EXTRA = -lcmocka $(WRAPPED) $(GRPC_LIBS) $(CURL_LIBS)
$(O)/tests/unit/%: $(O)/obj/tests/unit/%.o $(O)/libsupport.a $(O)/libfakes.a $(O)/libtranscoder.a
	$(link)
# Descriptor sets for tests: tests/protos/x.pb of tests/protos/x.proto, tests/protos/a/b.pb of proto/a/b.proto.
PROTOS := $(shell find proto tests/protos -name '*.proto')
TEST_SETS := $(patsubst %.proto,$(O)/tests/protos/%.pb,$(patsubst proto/%,%,$(PROTOS:tests/protos/%=%)))
$(O)/obj/tests/%.o: private CPPFLAGS += -DTEST_PROTOS_DIR='"$(abspath $(O))/tests/protos"'
$(O)/tests/protos/%.pb: $(PROTOS)
	$(call say,PROTO,$@)
	$(Q)mkdir -p $(@D) && protoc -Iproto -Itests/protos -I/usr/include --include_imports --include_source_info -o $@ \
	  $(firstword $(wildcard tests/protos/$*.proto proto/$*.proto))
# A fuzz target is its one file; libFuzzer drives it in MODE=fuzz, a loop over files elsewhere.
FUZZERS := $(patsubst %.c,$(O)/%,$(filter-out tests/fuzz/run.c,$(call src,tests/fuzz)))
$(O)/tests/fuzz/%: private LINK_EXTRA = -lcmocka $(if $(filter fuzz,$(MODE)),-fsanitize=fuzzer)
$(O)/tests/fuzz/%: $(O)/obj/tests/fuzz/%.o $(if $(filter fuzz,$(MODE)),,$(O)/obj/tests/fuzz/run.o) $(O)/libsupport.a $(LIBRARIES)
	$(link)
$(UNIT_TESTS) $(FUZZERS): | $(TEST_SETS)
unit-tests: $(UNIT_TESTS) $(FUZZERS) ## build the unit tests and fuzz targets without running them

gen: $(filter %/protoc-gen-postern,$(PROGRAMS)) ## rewrite the generated code in gen/ from proto/
	tools/gen.sh
# C++ for its <charconv>, which is what numbers are compared with.
$(O)/tests/proofs/numbers: $(O)/obj/tests/proofs/numbers.o $(O)/libtranscoder.a
	$(call say,LINK,$@)
	$(Q)mkdir -p $(@D) && $(CXX) $(MODE_FLAGS) -o $@ $(filter %.o %.a,$^)
prove-numbers: $(O)/tests/proofs/numbers ## every float, and DOUBLES=1000000000 doubles, printed and read back: some minutes
	tests/proofs/numbers.sh $<
check: all unit-tests $(O)/tests/proofs/numbers ## what a bare Debian 12 can run: style, stale gen/, unit (also under asan), end to end
	$(if $(MODE),,@$(MAKE) --no-print-directory MODE=asan unit-tests)
	@tools/run-tests.py --step structure=tools/lint/structure.py \
	  --step format=tools/lint/format.sh --step tables='tools/number-tables.py --check' \
	  --step numbers='tests/proofs/numbers.sh --sample $(O)/tests/proofs/numbers' \
	  $(if $(wildcard tools/gen.sh),--step 'gen=tools/gen.sh --check') \
	  --step 'corpus=tests/fuzz/check.sh $(O)/tests/fuzz' $(if $(MODE),,--step 'corpus asan=tests/fuzz/check.sh $(O)/asan/tests/fuzz') \
	  --unit $(O)/tests/unit $(if $(MODE),,--unit $(O)/asan/tests/unit) --e2e tests/e2e
coverage: ## which lines the tests run, by folder: builds with MODE=cov, runs all of them, sums up
	-@find $(BUILD)/cov -name '*.gcda' -delete 2>/dev/null; $(MAKE) --no-print-directory MODE=cov check
	@tools/coverage.py $(BUILD)/cov
check-all: all ## what needs npm, PyPI or Go besides: tests/all/*.sh; names what it had to skip
	@tools/run-tests.py --scripts tests/all
conformance: $(O)/conformance-testee ## protobuf's own conformance tests (needs npm and PyPI)
	tests/all/conformance.sh
bench: all ## measure against the peers and a bare floor: CPU per request, memory, start
	tools/bench/run.sh
bench-micro: $(O)/libgateway.a $(O)/libtranscoder.a ## expressions; the transcoder alone against json-c and protobuf's C++ JSON, and its cost per byte
	tools/bench/micro.py
profile: all ## the ten places where a request costs most: PAYLOAD=small|chat|tensor WITH=perf|callgrind
	@tools/bench/run.sh profile
soak: ## a million requests under asan, with clients that abort and a backend that restarts
	@$(MAKE) --no-print-directory MODE=asan all
	POSTERN_BUILD=$(BUILD)/asan tests/soak/run.sh
fuzz: ## each fuzz target for TIME=60 seconds (TARGETS="encode expr"); what it finds is kept in tests/fuzz/regression
	@$(MAKE) --no-print-directory MODE=fuzz CC=clang CXX=clang++ fuzz-targets
	tests/fuzz/fuzz.sh $(BUILD)/fuzz/tests/fuzz
fuzz-targets: $(FUZZERS)
lint: $(DEPS)/flags.mk ## all that reads the code: structure, budgets, format, clang-tidy, warnings of gcc and clang
	@FLAGS='$(WARN) $(CPPFLAGS_ALL) -DTEST_PROTOS_DIR=""' tools/lint/run.sh
fmt: ## put the code into its one format
	@tools/lint/format.sh --write
install: all ## install programs, protos, headers, man page, systemd unit (PREFIX=/usr/local DESTDIR=)
	@PREFIX='$(PREFIX)' tools/install.sh
demo: all ## the whole way, shown: model server, gateway, real REST calls and their answers
	tools/demo.sh

# The objects and flags that a dedicated gateway is compiled and linked with.
gateway: export OBJECTS := $(POSTERN_OBJ)
gateway: export FLAGS = $(CFLAGS_ALL) $(CPPFLAGS_ALL)
gateway: export LINK_FLAGS = $(LDFLAGS_ALL) -rdynamic
gateway: export LINK_LIBS = $(O)/libgen.a $(LIBS)
gateway: all ## one binary with your schema inside: PROTO=api.proto [PROTO_PATH="dir ..."] OUT=build/api-gateway
	@CC='$(CC)' tools/make-gateway.sh
clean: ## remove what was built (the cached libmicrohttpd stays)
	rm -rf $(BUILD)
help: ## this list
	@sed -n 's/^\([a-z][a-z-]*\):.*## \(.*\)/\1\t\2/p' Makefile | awk -F'\t' '{ printf "  make %-13s %s\n", $$1, $$2 }'; sed -n '2s/^# //p' Makefile

-include $(patsubst %.o,%.d,$(call obj,$(SOURCES) $(TESTS) $(call src,tests/fuzz) gateway/main.c))
