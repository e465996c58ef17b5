/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sandbox of each role: which files it needs, and no others. The api, which reads what strangers send,
 * can open neither keys nor vault; the front opens its certificate only; the collector its own; none can
 * reach another process of the user.
 */
#include "base/log.h"
#include "console/certificate.h"
#include "console/serve.h"
#include "sensor/sandbox.h"
#include <signal.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum { PATHS = 32, PATH_SIZE = 512 };

struct paths {
    struct sandbox_path at[PATHS];
    unsigned count, used;
    char own[PATHS][PATH_SIZE];
};

static void add(struct paths *p, const char *path, bool write)
{
    if (path != NULL && p->count < PATHS)
        p->at[p->count++] = (struct sandbox_path){ path, write };
}

static void add_data(struct paths *p, const struct console_config *config, const char *below, bool write)
{
    if (p->used == PATHS)
        return;
    snprintf(p->own[p->used], PATH_SIZE, "%s%s", config->data, below);
    add(p, p->own[p->used++], write);
}

/* Of a database in a file: its folder. */
static void add_database(struct paths *p, const struct console_config *config)
{
    const struct view file = VIEW("sqlite:");
    const char *path = config->database + file.len, *slash;

    if (!view_starts(view_string(config->database), file)) {
        add(p, "/run/postgresql", true);
        add(p, "/var/run/postgresql", true);
        return;
    }
    slash = strrchr(path, '/');
    if (slash == NULL || p->used == PATHS || (size_t)(slash - path) >= PATH_SIZE)
        return;
    snprintf(p->own[p->used], PATH_SIZE, "%.*s", (int)(slash - path), path);
    add(p, p->own[p->used++], true);
}

bool role_confine(const struct role_context *context, const struct sandbox_path *more, unsigned count,
                  struct imw_error_info *err)
{
    static const enum sandbox_role lists[CONSOLE_ROLE_COUNT] = {
        [CONSOLE_KEEPER] = ROLE_KEEPER,       [CONSOLE_FRONT] = ROLE_FRONT, [CONSOLE_API] = ROLE_API,
        [CONSOLE_COLLECTOR] = ROLE_COLLECTOR, [CONSOLE_CLERK] = ROLE_CLERK,
    };
    static const char *const system[] = { "/etc",
                                          "/usr",
                                          "/lib",
                                          "/lib64",
                                          "/proc/self",
                                          "/dev/null",
                                          "/dev/urandom",
                                          "/run/systemd/resolve",
                                          "/sys/devices/system/cpu" };
    const struct console_config *config = context->config;
    const enum console_role role = context->role;
    struct paths p = { .count = 0 };
    char policy_folder[CERTIFICATE_PATH];
    int landlock = 0;

    if (!config->sandbox)
        return true;
    if (role != CONSOLE_FRONT) {
        for (size_t i = 0; i < sizeof system / sizeof system[0]; i++)
            add(&p, system[i], false);
        add_database(&p, config);
    }
    if (role == CONSOLE_KEEPER)
        add_data(&p, config, "", true); /* it removes DATA/first-start */
    if (role == CONSOLE_API || role == CONSOLE_CLERK) {
        add_data(&p, config, "/spool", true);
        add_data(&p, config, "/mapping", false);
        add(&p, config->catalog, false);
    }
    if (role == CONSOLE_API)
        add(&p, config->web, false);
    if (role == CONSOLE_COLLECTOR)
        add_data(&p, config, "/keys/collector", false);
    if (role == CONSOLE_CLERK && config->policy_file != NULL) {
        certificate_folder(config->policy_file, policy_folder); /* the file is replaced */
        add(&p, policy_folder, true);
    }
    if (role == CONSOLE_CLERK)
        for (unsigned i = 0; i < config->folder_count; i++)
            add(&p, config->folders[i], true);
    for (unsigned i = 0; i < count; i++)
        add(&p, more[i].path, more[i].write);
    if (p.count == PATHS)
        return error_set(err, IMW_ERROR_LIMIT, "too many folders for the sandbox: watch fewer of them");
    return sandbox_paths(p.at, p.count, &landlock, err) && sandbox_calls(lists[role], err);
}

int role_signals(struct imw_error_info *err)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (fd < 0)
        error_errno(err, "signalfd");
    return fd;
}

int role_signal(int signals)
{
    struct signalfd_siginfo s;

    return read(signals, &s, sizeof s) == (ssize_t)sizeof s ? (int)s.ssi_signo : 0;
}
