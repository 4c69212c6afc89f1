# paths and flags; override them on make's command line
VERSION = 0.1

PREFIX = /usr/local
BINDIR = $(PREFIX)/bin
MANDIR = $(PREFIX)/share/man
LIBEXECDIR = $(PREFIX)/libexec
BASHCOMPDIR = $(PREFIX)/share/bash-completion/completions

# what make install puts where init systems look: systemd, runit, s6, openrc,
# inetd, several of them, or none. It starts and enables nothing.
SERVICE = systemd
UNITDIR = $(PREFIX)/lib/systemd/system
SYSUSERSDIR = $(PREFIX)/lib/sysusers.d
TMPFILESDIR = $(PREFIX)/lib/tmpfiles.d
SVDIR = /etc/sv
S6DIR = /etc/s6/sv
INITDIR = /etc/init.d
DATADIR = $(PREFIX)/share
LOGDIR = /var/log

CC = cc
CFLAGS = -g -O2 -D_FORTIFY_SOURCE=2 -fstack-protector-strong
WARN = -Wall -Wextra -Wshadow -pedantic
CPPDEF = -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 \
	-DVERSION='"$(VERSION)"' -DLIBEXECDIR='"$(LIBEXECDIR)"'
LDFLAGS =

# make check builds everything once more with these; gcc's UBSan can't write
# its reports to files
SANCC = clang
SANFLAGS = -g -O1 -fsanitize=address,undefined -fno-sanitize-recover=all \
	-fno-omit-frame-pointer
# make fuzz, and for how many seconds
FUZZFLAGS = -g -O1 -fsanitize=fuzzer,address,undefined \
	-fno-sanitize-recover=all
FUZZ_TIME = 60
