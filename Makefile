# gitopper - GitOps for machines that run services without Kubernetes
.POSIX:
include config.mk

BIN = gitopper-conf gitopper-wait gitopper-pull gitopper-mount gitopper-act \
	gitopper-window gitopper-ctl gitopper-httpd gitopper-verify
SCRIPT = gitopper gitopper-hdr
MAN = gitopper.1 gitopper-conf.1 gitopper-wait.1 gitopper-pull.1 \
	gitopper-mount.1 gitopper-act.1 gitopper-window.1 gitopper-ctl.1 \
	gitopper-httpd.1 gitopper-verify.1 gitopper-hdr.1 gitopper.toml.5
ACTION = action/package action/reload action/verify
# links to action/reload
VERB = action/restart action/start action/stop action/try-restart \
	action/reload-or-restart action/hup action/enable action/none
TESTBIN = tests/toml-json tests/http-text tests/dropped \
	tests/misbehave tests/taken tests/usage tests/replay-toml tests/replay-http \
	tests/replay-answer tests/replay-pktline \
	tests/replay-stage tests/replay-window tests/window-text
FUZZBIN = tests/fuzz-toml tests/fuzz-http tests/fuzz-answer \
	tests/fuzz-pktline tests/fuzz-stage \
	tests/fuzz-window

BASE = util.o file.o utf8.o
STATE = $(BASE) kv.o state.o place.o service.o control.o upstream.o
FILTER = $(STATE) names.o
TOML = toml.o toml-value.o
HTTP = http.o http-value.o
ANSWER = answer.o json.o
PKTLINE = pktline.o $(BASE)
WINDOW = window.o zone.o $(BASE)
STAGE = stage.o next.o path.o plan.o saved.o signed.o child.o confine.o $(STATE)
CONF = gitopper-conf.o config.o config-settings.o config-places.o \
	config-value.o window.o zone.o $(TOML) $(STATE)
WAIT = gitopper-wait.o roster.o claims.o due.o watch.o $(STATE)
PULL = gitopper-pull.o worker.o release.o job.o contact.o secrets.o scrub.o \
	credential.o stores.o doubt.o child.o hear.o kept.o fetch.o login.o heads.o \
	hostkey.o lean.o pktline.o localrepo.o localcopy.o packfile.o blobs.o \
	pack.o sweep.o git.o reader.o history.o content.o listing.o stage.o \
	next.o signed.o path.o plan.o publish.o saved.o tree.o confine.o \
	owner.o $(FILTER)
MOUNT = gitopper-mount.o mountpoint.o mounts.o $(FILTER)
ACT = gitopper-act.o run.o command.o trust.o preview.o verdict.o mountpoint.o \
	gather.o $(FILTER)
CTL = gitopper-ctl.o machine.o local.o diff.o plan.o remote.o through.o \
	answer.o print.o lines.o table.o follow.o passwd.o prompt.o mirror.o \
	events.o scout.o watch.o texts.o here.o show.o steer.o owner.o \
	json.o $(STATE)
HTTPD = gitopper-httpd.o listen.o conn.o serve.o crowd.o loop.o drop.o $(HTTP) \
	reply.o guard.o auth.o users.o verify.o route.o views.o orders.o texts.o \
	mirror.o events.o scout.o watch.o here.o show.o steer.o owner.o metrics.o \
	text.o json.o page.o confine.o $(STATE)

all: $(BIN) $(VERB)

$(VERB):
	ln -sf reload $@

gitopper-conf: $(CONF)
	$(CC) $(LDFLAGS) -o $@ $(CONF)

gitopper-wait: $(WAIT)
	$(CC) $(LDFLAGS) -o $@ $(WAIT)

gitopper-pull: $(PULL)
	$(CC) $(LDFLAGS) -o $@ $(PULL) -lgit2 -lssh2 -lmd -lz

gitopper-mount: $(MOUNT)
	$(CC) $(LDFLAGS) -o $@ $(MOUNT)

gitopper-act: $(ACT)
	$(CC) $(LDFLAGS) -o $@ $(ACT)

gitopper-ctl: $(CTL)
	$(CC) $(LDFLAGS) -o $@ $(CTL) -lcurl -ljansson -lcrypt -lmd

gitopper-httpd: $(HTTPD)
	$(CC) $(LDFLAGS) -o $@ $(HTTPD) -lcrypt -lmd

gitopper-window: gitopper-window.o window.o zone.o $(FILTER)
	$(CC) $(LDFLAGS) -o $@ gitopper-window.o window.o zone.o $(FILTER)

gitopper-verify: gitopper-verify.o $(BASE)
	$(CC) $(LDFLAGS) -o $@ gitopper-verify.o $(BASE)

# Programs for tests; what fuzzers throw at the parsers, and replayers once more
TESTCC = $(CC) -std=c99 $(CPPDEF) $(WARN) $(CFLAGS) $(LDFLAGS) -I. -o $@
FUZZCC = clang -std=c99 $(CPPDEF) $(WARN) $(FUZZFLAGS) -I. -o $@

tests/toml-json: tests/toml-json.c $(TOML) utf8.o
	$(TESTCC) tests/toml-json.c $(TOML) utf8.o

tests/dropped: tests/dropped.c drop.o confine.o owner.o $(STATE)
	$(TESTCC) tests/dropped.c drop.o confine.o owner.o $(STATE)

tests/misbehave: tests/misbehave.c child.o confine.o $(BASE)
	$(TESTCC) tests/misbehave.c child.o confine.o $(BASE)

# gitopper-pull with other children
UNREAD = $(PULL:reader.o=)
TAKEN = $(UNREAD:fetch.o=)
tests/taken: tests/taken.c $(TAKEN)
	$(TESTCC) tests/taken.c $(TAKEN) -lgit2 -lssh2 -lmd -lz

tests/usage: tests/usage.c
	$(TESTCC) tests/usage.c

tests/http-text: tests/http-text.c $(HTTP)
	$(TESTCC) tests/http-text.c $(HTTP)

tests/window-text: tests/window-text.c $(WINDOW)
	$(TESTCC) tests/window-text.c $(WINDOW)

tests/replay-toml: tests/fuzz-toml.c tests/replay.c tests/fuzz.h $(TOML) \
		utf8.o
	$(TESTCC) tests/fuzz-toml.c tests/replay.c $(TOML) utf8.o

tests/replay-http: tests/fuzz-http.c tests/replay.c tests/fuzz.h $(HTTP)
	$(TESTCC) tests/fuzz-http.c tests/replay.c $(HTTP)

tests/replay-answer: tests/fuzz-answer.c tests/replay.c tests/fuzz.h \
		$(ANSWER) utf8.o
	$(TESTCC) tests/fuzz-answer.c tests/replay.c $(ANSWER) utf8.o -ljansson

tests/replay-pktline: tests/fuzz-pktline.c tests/replay.c tests/fuzz.h \
		$(PKTLINE)
	$(TESTCC) tests/fuzz-pktline.c tests/replay.c $(PKTLINE)

tests/replay-stage: tests/fuzz-stage.c tests/replay.c tests/fuzz.h $(STAGE)
	$(TESTCC) tests/fuzz-stage.c tests/replay.c $(STAGE) -lmd

tests/replay-window: tests/fuzz-window.c tests/replay.c tests/fuzz.h $(WINDOW)
	$(TESTCC) tests/fuzz-window.c tests/replay.c $(WINDOW)

.c.o:
	$(CC) -std=c99 $(CPPDEF) $(WARN) $(CFLAGS) -MMD -c -o $@ $<

# config.h has LIBEXECDIR in it; what was built for another one is built again.
command.o: .libexecdir
.libexecdir: always
	echo '$(LIBEXECDIR)' | cmp -s - $@ || echo '$(LIBEXECDIR)' >$@
always:

# What else each object is made from, the compiler writes down. These have to
# be there before it can.
$(CONF) $(WAIT) $(PULL) $(MOUNT) $(ACT) $(CTL) $(HTTPD) gitopper-verify.o \
	gitopper-window.o: config.h
page.o: page.h
-include *.d

config.h:
	cp config.def.h $@

page.h: page.html embed.sh
	sh embed.sh page.html >$@ || { rm -f $@; exit 1; }

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
	cp -p *.c *.h *.1 *.5 Makefile config.mk $(SCRIPT) \
		page.html embed.sh san
	cp -p tests/*.[ch] san/tests
	cp -p $(ACTION) san/action
	cd san && $(MAKE) CC="$(SANCC)" CFLAGS="$(SANFLAGS)" \
		LDFLAGS="$(SANFLAGS)" all $(TESTBIN)

# Each parser for FUZZ_TIME seconds, beginning with its corpus.
fuzz: deps-check $(FUZZBIN)
	sh tests/fuzz.sh $(FUZZ_TIME)

# The objects are here for the headers that they are made from.
tests/fuzz-toml: tests/fuzz-toml.c tests/fuzz.h $(TOML)
	$(FUZZCC) tests/fuzz-toml.c $(TOML:.o=.c) utf8.c

tests/fuzz-http: tests/fuzz-http.c tests/fuzz.h $(HTTP)
	$(FUZZCC) tests/fuzz-http.c $(HTTP:.o=.c)

tests/fuzz-answer: tests/fuzz-answer.c tests/fuzz.h $(ANSWER)
	$(FUZZCC) tests/fuzz-answer.c $(ANSWER:.o=.c) utf8.c -ljansson

tests/fuzz-pktline: tests/fuzz-pktline.c tests/fuzz.h $(PKTLINE)
	$(FUZZCC) tests/fuzz-pktline.c $(PKTLINE:.o=.c)

tests/fuzz-stage: tests/fuzz-stage.c tests/fuzz.h $(STAGE)
	$(FUZZCC) tests/fuzz-stage.c $(STAGE:.o=.c) -lmd

tests/fuzz-window: tests/fuzz-window.c tests/fuzz.h $(WINDOW)
	$(FUZZCC) tests/fuzz-window.c $(WINDOW:.o=.c)

bench: deps-check
	$(MAKE) all tests/usage
	sh tests/bench.sh

# Where service/place.sh puts what supervises
PLACE = DESTDIR="$(DESTDIR)" BINDIR="$(BINDIR)" DATADIR="$(DATADIR)" \
	LOGDIR="$(LOGDIR)" UNITDIR="$(UNITDIR)" SYSUSERSDIR="$(SYSUSERSDIR)" \
	TMPFILESDIR="$(TMPFILESDIR)" SVDIR="$(SVDIR)" S6DIR="$(S6DIR)" \
	INITDIR="$(INITDIR)" sh service/place.sh

# Into this system, as root: makes the user and the group that config.h names,
# too. A package (DESTDIR) does that when it is installed.
install: all
	[ -n "$(DESTDIR)" ] || [ "$$(id -u)" -ne 0 ] || $(MAKE) users
	mkdir -p "$(DESTDIR)$(BINDIR)" "$(DESTDIR)$(MANDIR)/man1" \
		"$(DESTDIR)$(MANDIR)/man5" "$(DESTDIR)$(BASHCOMPDIR)" \
		"$(DESTDIR)$(LIBEXECDIR)/gitopper/action"
	for f in $(BIN) $(SCRIPT); do \
		install -m 755 $$f "$(DESTDIR)$(BINDIR)" || exit 1; \
	done
	for f in $(MAN); do \
		to="$(DESTDIR)$(MANDIR)/man$${f##*.}/$$f"; \
		sed -e 's|/usr/local/bin|$(BINDIR)|' \
			-e 's|/usr/local/libexec|$(LIBEXECDIR)|' $$f >"$$to" && \
		chmod 644 "$$to" || exit 1; \
	done
	for f in $(ACTION); do \
		install -m 755 $$f "$(DESTDIR)$(LIBEXECDIR)/gitopper/action" || \
			exit 1; \
	done
	for f in $(VERB); do \
		ln -sf reload "$(DESTDIR)$(LIBEXECDIR)/gitopper/$$f" || exit 1; \
	done
	install -m 644 completion/gitopper-ctl.bash \
		"$(DESTDIR)$(BASHCOMPDIR)/gitopper-ctl"
	for s in $(SERVICE); do $(PLACE) install $$s || exit 1; done

# useradd and groupadd, or what busybox has in their place
users:
	getent group gitopper >/dev/null || groupadd -r gitopper || \
		addgroup -S gitopper
	getent passwd gitopper-pull >/dev/null || \
		useradd -r -U -M -d / -s /bin/false gitopper-pull || \
		adduser -S -D -H -h / -s /bin/false gitopper-pull
	getent passwd gitopper-httpd >/dev/null || \
		useradd -r -U -M -d / -s /bin/false -G gitopper \
			gitopper-httpd || \
		{ adduser -S -D -H -h / -s /bin/false gitopper-httpd && \
			adduser gitopper-httpd gitopper; }

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
	for f in $(VERB); do \
		rm -f "$(DESTDIR)$(LIBEXECDIR)/gitopper/$$f" || exit 1; \
	done
	rm -f "$(DESTDIR)$(BASHCOMPDIR)/gitopper-ctl"
	for s in $(SERVICE); do $(PLACE) uninstall $$s || exit 1; done
	rmdir "$(DESTDIR)$(LIBEXECDIR)/gitopper/action" \
		"$(DESTDIR)$(LIBEXECDIR)/gitopper" 2>/dev/null || :

# config.h stays: it is the user's
clean:
	rm -f $(BIN) $(VERB) .libexecdir *.o *.d page.h $(TESTBIN) $(FUZZBIN) \
		gitopper-*.tar.gz ci.log ci.status
	rm -rf san fuzz tap tap-san deb

dist:
	git archive --format=tar.gz --prefix=gitopper-$(VERSION)/ \
		-o gitopper-$(VERSION).tar.gz HEAD

.PHONY: all always deps deps-check demo check san fuzz bench install users \
	uninstall clean dist
