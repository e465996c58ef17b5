/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `imward serve`: how its processes are started and what each is given.
 *
 * The program that the user starts becomes the watchman (serve.c): it binds the ports, makes the data folder,
 * becomes the user imward, makes the keys and the schema that are not there yet, and forks the roles. It
 * holds no key, reads no byte from anybody, and starts again what died.
 */
#pragma once
#include "console/role.h"

#define CONSOLE_LISTEN_EXAMPLES "0.0.0.0:8443 or [::]:8443"

struct console_config {
    const char *listen;     /* "ADDRESS:PORT", of browsers: listen_read() */
    const char *collector;  /* likewise, of sensors; NULL: none may connect */
    const char *data;       /* the folder of everything, an absolute path */
    const char *database;   /* URL, as db_open() takes it */
    const char *cert, *key; /* PEM; NULL: our own, in DATA/keys/front */
    const char *name; /* host name under which people reach us, for our own certificate; NULL: this host's */
    const char *web;  /* folder of the built front end; NULL: where one is found */
    const char *vault, *vault_key; /* what messages are kept in; NULL: no text can be revealed */
    const char *catalog;           /* NULL: the one inside the program */
    const char *policy_file;       /* the clerk keeps it as the published policy; NULL: none is written */
    const char *user;              /* to become; NULL: imward, where we are root */
    const char *proxy;             /* address of the proxy whose X-Forwarded-For is believed; NULL: none */
    const char *const *folders;    /* folders of event files to watch */
    unsigned folder_count;
    unsigned workers; /* threads of the api that answer */
    bool sandbox;
};

/* Edges between roles, each a socket pair (SOCK_SEQPACKET): who asks, who answers. */
#define CONSOLE_EDGES(X)                                                                                     \
    X(CONNECTIONS, FRONT, API)                                                                               \
    X(API_KEEPER, API, KEEPER) X(API_CLERK, API, CLERK) X(CLERK_KEEPER, CLERK, KEEPER)
enum console_edge {
#define X(id, from, to) EDGE_##id,
    CONSOLE_EDGES(X)
#undef X
        EDGE_COUNT
};

/* What a role's main function is given. Descriptors it has no business with are -1. */
struct role_context {
    enum console_role role;
    const struct console_config *config;
    struct changes *changes;
    int listener;          /* front and collector: bound and listening, does not block */
    int edges[EDGE_COUNT]; /* its end of each */
};

enum {
    ROLE_DONE = 0,         /* it was told to end */
    ROLE_FAILED = 1,       /* said why on standard error; tried again, later and later */
    ROLE_CHANNEL_GONE = 3, /* an edge was closed since something strange came over it: both ends begin anew */
};

/* Each runs until SIGTERM, and returns the exit status. SIGHUP: read certificates and files anew. Both
 * signals are blocked when it starts: role_signals(). */
int keeper_main(const struct role_context *context);
int front_main(const struct role_context *context);
int api_main(const struct role_context *context);
int collector_main(const struct role_context *context); /* src/console/collector.c */
int clerk_main(const struct role_context *context);     /* src/console/clerk.c */

/* A signalfd with SIGTERM and SIGHUP, not blocking. Which came: 0, SIGTERM or SIGHUP. */
int role_signals(struct imw_error_info *err);
int role_signal(int signals);

/* Give up what this role does not need (src/console/confine.c): files (`more` beside its own, may be NULL),
 * system calls. Threads that are started later are bound by it. With --no-sandbox nothing. */
struct sandbox_path;
bool role_confine(const struct role_context *context, const struct sandbox_path *more, unsigned count,
                  struct imw_error_info *err) IMW_MUST_USE;

/* A sign of life, at least once a second from the role's main loop; one that was given once must go on. */
void changes_alive(struct changes *c, enum console_role role, uint64_t now_ms);
uint64_t changes_alive_ms(const struct changes *c, enum console_role role); /* of the last; 0: none yet */
void changes_forget(struct changes *c, enum console_role role);
struct changes *changes_new(void); /* shared with all processes that are forked later; NULL without memory */

/* Runs until SIGTERM or SIGINT. Returns the exit status. */
int serve_run(struct console_config *config);
