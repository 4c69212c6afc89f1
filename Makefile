# gitopper - GitOps for machines that run services without Kubernetes
.POSIX:
include config.mk

BIN = gitopper-conf gitopper-wait gitopper-pull gitopper-mount gitopper-act \
	gitopper-ctl
SCRIPT = gitopper
MAN = gitopper.1 gitopper-conf.1 gitopper-wait.1 gitopper-pull.1 \
	gitopper-mount.1 gitopper-act.1 gitopper-ctl.1 gitopper.toml.5
ACTION = action/package action/reload
TESTBIN = tests/toml-json tests/replay-toml
FUZZBIN = tests/fuzz-toml

BASE = util.o file.o
STATE = $(BASE) kv.o state.o service.o control.o upstream.o
FILTER = $(STATE) names.o
TOML = toml.o toml-value.o
CONF = gitopper-conf.o config.o config-settings.o config-places.o \
	config-value.o $(TOML) $(STATE)
WAIT = gitopper-wait.o roster.o claims.o due.o watch.o $(STATE)
PULL = gitopper-pull.o worker.o job.o contact.o secrets.o child.o fetch.o \
	hostkey.o git.o reader.o listing.o stage.o path.o plan.o publish.o \
	saved.o tree.o $(FILTER)
MOUNT = gitopper-mount.o mountpoint.o mounts.o $(FILTER)
ACT = gitopper-act.o run.o command.o trust.o preview.o verdict.o mountpoint.o \
	$(FILTER)
CTL = gitopper-ctl.o local.o show.o steer.o table.o json.o $(STATE)
OBJ = $(CONF) $(WAIT) $(PULL) $(MOUNT) $(ACT) $(CTL)

all: $(BIN)

gitopper-conf: $(CONF)
	$(CC) $(LDFLAGS) -o $@ $(CONF)

gitopper-wait: $(WAIT)
	$(CC) $(LDFLAGS) -o $@ $(WAIT)

gitopper-pull: $(PULL)
	$(CC) $(LDFLAGS) -o $@ $(PULL) -lgit2 -lssh2 -lmd

gitopper-mount: $(MOUNT)
	$(CC) $(LDFLAGS) -o $@ $(MOUNT)

gitopper-act: $(ACT)
	$(CC) $(LDFLAGS) -o $@ $(ACT)

gitopper-ctl: $(CTL)
	$(CC) $(LDFLAGS) -o $@ $(CTL)

tests/toml-json: tests/toml-json.c $(TOML)
	$(CC) -std=c99 $(CPPDEF) $(WARN) $(CFLAGS) $(LDFLAGS) -I. -o $@ \
		tests/toml-json.c $(TOML)

tests/replay-toml: tests/fuzz-toml.c $(TOML)
	$(CC) -std=c99 $(CPPDEF) $(WARN) $(CFLAGS) $(LDFLAGS) -I. -DREPLAY \
		-o $@ tests/fuzz-toml.c $(TOML)

.c.o:
	$(CC) -std=c99 $(CPPDEF) $(WARN) $(CFLAGS) -c -o $@ $<

# What each object reads besides its .c; tests/build.t asks the compiler.
child.o: child.h config.h util.h
claims.o: claims.h due.h kv.h state.h util.h
command.o: act.h config.h kv.h state.h util.h
config-places.o: config-file.h config-read.h config-value.h kv.h state.h \
	toml.h
config-settings.o: config-file.h config-read.h config-value.h kv.h state.h \
	toml.h util.h
config-value.o: config-value.h
config.o: config-file.h config-read.h config-value.h config.h kv.h state.h \
	toml.h util.h
contact.o: child.h config.h contact.h kv.h state.h util.h
control.o: config.h kv.h state.h util.h
due.o: config.h due.h kv.h state.h util.h
fetch.o: config.h contact.h hostkey.h kv.h util.h
file.o: util.h
git.o: contact.h kv.h util.h
gitopper-act.o: act.h config.h kv.h names.h state.h util.h
gitopper-conf.o: config-file.h config-value.h config.h kv.h state.h toml.h \
	util.h
gitopper-ctl.o: kv.h local.h state.h steer.h util.h
gitopper-mount.o: config.h kv.h mountpoint.h mounts.h names.h state.h util.h
gitopper-pull.o: config.h contact.h kv.h names.h plan.h pull.h state.h util.h \
	worker.h
gitopper-wait.o: claims.h config.h due.h kv.h roster.h state.h util.h watch.h
hostkey.o: hostkey.h
job.o: config.h contact.h kv.h plan.h pull.h state.h util.h
json.o: json.h
kv.o: config.h kv.h util.h
local.o: config.h json.h kv.h local.h show.h state.h steer.h table.h util.h
listing.o: config.h contact.h kv.h listing.h plan.h pull.h state.h util.h
mountpoint.o: mountpoint.h util.h
mounts.o: config.h mounts.h util.h
names.o: kv.h names.h state.h util.h
path.o: config.h contact.h kv.h plan.h pull.h state.h
plan.o: config.h plan.h util.h
preview.o: act.h config.h kv.h mountpoint.h state.h util.h
publish.o: config.h contact.h kv.h plan.h pull.h state.h util.h
reader.o: contact.h kv.h listing.h plan.h pull.h state.h util.h
roster.o: claims.h config.h due.h kv.h roster.h state.h util.h watch.h
run.o: act.h config.h kv.h state.h util.h
saved.o: config.h contact.h kv.h plan.h pull.h state.h util.h
secrets.o: config.h contact.h kv.h util.h
service.o: config.h kv.h state.h util.h
show.o: json.h kv.h show.h state.h util.h
stage.o: config.h contact.h kv.h plan.h pull.h state.h util.h
state.o: config.h kv.h state.h util.h
steer.o: config.h kv.h state.h steer.h util.h
table.o: table.h util.h
toml-value.o: toml-value.h toml.h
toml.o: toml-value.h toml.h
tree.o: config.h contact.h kv.h plan.h pull.h state.h util.h
trust.o: act.h kv.h state.h util.h
upstream.o: kv.h state.h util.h
util.o: util.h
verdict.o: act.h kv.h state.h util.h
watch.o: util.h watch.h
worker.o: child.h config.h contact.h kv.h names.h plan.h pull.h state.h util.h \
	worker.h

config.h:
	cp config.def.h $@

# What building needs, and what testing needs: installed where it is missing.
deps:
	sh tests/deps.sh build "$(CC)"

deps-check: deps
	sh tests/deps.sh check "$(CC)"

# A second make: what deps installs must be there before anything is built
demo: deps
	@$(MAKE) all
	@sh tests/demo.sh

# The tests, on the programs and then on the same built with ASan and UBSan.
# make check TESTS=tests/pull.t runs just that one.
check: deps-check
	$(MAKE) all $(TESTBIN)
	$(MAKE) san
	sh tests/check.sh $(TESTS)

# A copy, so that what was built stays; unchanged files keep their times.
san: config.h
	mkdir -p san/tests san/action
	cp -p *.c *.h *.1 *.5 Makefile config.mk $(SCRIPT) san
	cp -p tests/*.c san/tests
	cp -p $(ACTION) san/action
	cd san && $(MAKE) CC="$(SANCC)" CFLAGS="$(SANFLAGS)" \
		LDFLAGS="$(SANFLAGS)" all $(TESTBIN)

# Each parser for FUZZ_TIME seconds, beginning with its corpus.
fuzz: deps-check $(FUZZBIN)
	sh tests/fuzz.sh $(FUZZ_TIME)

tests/fuzz-toml: tests/fuzz-toml.c toml.c toml-value.c toml.h toml-value.h
	clang -std=c99 $(CPPDEF) $(WARN) $(FUZZFLAGS) -I. -o $@ \
		tests/fuzz-toml.c toml.c toml-value.c

bench: deps-check
	$(MAKE) all
	sh tests/bench.sh

# Into this system, as root: makes the user and the group that config.h names,
# too. A package (DESTDIR) does that when it is installed.
install: all
	[ -n "$(DESTDIR)" ] || [ "$$(id -u)" -ne 0 ] || $(MAKE) users
	mkdir -p "$(DESTDIR)$(BINDIR)" "$(DESTDIR)$(MANDIR)/man1" \
		"$(DESTDIR)$(MANDIR)/man5" \
		"$(DESTDIR)$(LIBEXECDIR)/gitopper/action"
	for f in $(BIN) $(SCRIPT); do \
		install -m 755 $$f "$(DESTDIR)$(BINDIR)" || exit 1; \
	done
	for f in $(MAN); do \
		install -m 644 $$f "$(DESTDIR)$(MANDIR)/man$${f##*.}" || \
			exit 1; \
	done
	for f in $(ACTION); do \
		install -m 755 $$f "$(DESTDIR)$(LIBEXECDIR)/gitopper/action" || \
			exit 1; \
	done

# useradd and groupadd, or what busybox has in their place
users:
	getent group gitopper >/dev/null || groupadd -r gitopper || \
		addgroup -S gitopper
	getent passwd gitopper-pull >/dev/null || \
		useradd -r -U -M -d / -s /bin/false gitopper-pull || \
		adduser -S -D -H -h / -s /bin/false gitopper-pull

# The user and the group stay, as do the state directory and /etc/gitopper.
uninstall:
	for f in $(BIN) $(SCRIPT); do \
		rm -f "$(DESTDIR)$(BINDIR)/$$f" || exit 1; \
	done
	for f in $(MAN); do \
		rm -f "$(DESTDIR)$(MANDIR)/man$${f##*.}/$$f" || exit 1; \
	done
	for f in $(ACTION); do \
		rm -f "$(DESTDIR)$(LIBEXECDIR)/gitopper/$$f" || exit 1; \
	done
	rmdir "$(DESTDIR)$(LIBEXECDIR)/gitopper/action" \
		"$(DESTDIR)$(LIBEXECDIR)/gitopper" 2>/dev/null || :

# config.h stays: it is the user's
clean:
	rm -f $(BIN) *.o $(TESTBIN) $(FUZZBIN) gitopper-*.tar.gz ci.log ci.status
	rm -rf san fuzz tap tap-san

dist:
	git archive --format=tar.gz --prefix=gitopper-$(VERSION)/ \
		-o gitopper-$(VERSION).tar.gz HEAD

.PHONY: all deps deps-check demo check san fuzz bench install users uninstall \
	clean dist
