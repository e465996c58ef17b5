/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The opener: opens what needs privilege, starts the sensor, and waits.
 *
 * messages it takes: OPEN, SWITCH. It sends: GRANT, DENIED, ORDER, GUARD, SWITCH.
 *
 * It keeps the capabilities that opening takes (CAP_NET_RAW for sockets, CAP_NET_ADMIN and CAP_BPF for
 * programs and maps), as the same user as the sensor, who may not touch it all the same: the sensor's list of
 * system calls has none for that.
 */
#include "base/log.h"
#include "sensor/channel.h"
#include "sensor/sandbox.h"
#include "sensor/sensor.h"
#include <errno.h>
#include <linux/capability.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { OPEN_AGAIN_MS = 500 }; /* a sensor that asks more often waits */

static int failed(const struct imw_error_info *err)
{
    char line[768];

    fprintf(stderr, "imward: %s\n", error_format(err, line, sizeof line));
    return EXIT_FAILURE;
}

/* ---- what the sensor cannot make itself ---- */

/* The folder of the control socket, as /run is root's. One that exists is left as it is. */
static void make_control_folder(const struct sensor_config *config, const struct sandbox_user *user)
{
    char folder[256];
    const char *slash = config->control != NULL ? strrchr(config->control, '/') : NULL;
    size_t len = slash != NULL ? (size_t)(slash - config->control) : 0;

    if (geteuid() != 0 || len == 0 || len >= sizeof folder)
        return;
    memcpy(folder, config->control, len);
    folder[len] = '\0';
    if (mkdir(folder, 0750) == 0 && chown(folder, user->uid, user->gid) != 0)
        log_warning("control_folder", "folder=%s error=\"%s\"", folder, strerror(errno));
}

static void answer_open(const struct sensor_config *config, int channel)
{
    struct role_message answer = { .type = MESSAGE_GRANT };
    struct imw_error_info err;

    if (live_grant_open(&config->live, &answer.grant, &err)) {
        if (!channel_send(channel, &answer))
            log_error("opener", "the grant did not reach the sensor: %s", strerror(errno));
        live_grant_close(&answer.grant);
        return;
    }
    char line[768];
    struct role_message denied = { .type = MESSAGE_DENIED };
    (void)snprintf(denied.text, sizeof denied.text, "%s", error_format(&err, line, sizeof line));
    (void)channel_send(channel, &denied);
}

/* ---- waiting ---- */

static void forward(int signal_fd, int channel)
{
    struct signalfd_siginfo s;
    struct role_message m = { .type = MESSAGE_ORDER, .order = ORDER_STOP };

    while (read(signal_fd, &s, sizeof s) == (ssize_t)sizeof s) {
        if (s.ssi_signo == SIGCHLD)
            continue;
        m.order = s.ssi_signo == SIGHUP ? ORDER_RELOAD : s.ssi_signo == SIGUSR1 ? ORDER_REOPEN : ORDER_STOP;
        (void)channel_send(channel, &m);
    }
}

/* The sensor's end: its own exit status, or why there is none. */
static int judge_end(int status)
{
    if (WIFEXITED(status))
        return WEXITSTATUS(status);
    int number = WTERMSIG(status);
    log_error("sensor_died", "signal=%d (%s): %s", number, strsignal(number),
              number == SIGSYS
                  ? "it made a system call that is not on its list, see audit or the kernel's log; "
                    "please report it; --no-sandbox goes on without the list"
                  : "events that were not written yet are lost; please report it");
    return EXIT_FAILURE;
}

/*
 * The opener of a gateway stays who it is, since the programs that it runs to change the kernel's rules want
 * that; with what those need, and they get no more.
 */
static bool become_gatekeeper(struct imw_error_info *err)
{
    const struct sandbox_user self = { .uid = geteuid(), .gid = getegid() };

    return sandbox_become(&self, SANDBOX_CAPABILITY(CAP_NET_ADMIN) | SANDBOX_CAPABILITY(CAP_NET_RAW), err);
}

/* What enforcing takes; then a gateway's opener becomes less. */
static bool send_guard(const struct sensor_config *config, struct gatekeeper *keeper, int channel,
                       struct imw_error_info *err)
{
    struct role_message guard = { .type = MESSAGE_GUARD };

    if (!gatekeeper_open(keeper, &config->guard, &guard.guard, err))
        return false;
    bool sent = (!config->guard.inline_ || become_gatekeeper(err)) &&
                (channel_send(channel, &guard) || error_errno(err, "socket pair"));
    guard_grant_close(&guard.guard);
    if (!sent)
        gatekeeper_close(keeper, true);
    return sent;
}

static bool send_live(const struct sensor_config *config, int channel, struct imw_error_info *err)
{
    struct role_message grant = { .type = MESSAGE_GRANT };

    if (!live_grant_open(&config->live, &grant.grant, err))
        return false;
    bool sent = channel_send(channel, &grant) || error_errno(err, "socket pair");
    live_grant_close(&grant.grant);
    return sent;
}

/* Of a gateway: its sensor asks when policy and catalog are loaded, so that a broken one leaves the kernel
 * alone. */
static bool answer_gateway(const struct sensor_config *config, struct gatekeeper *keeper, int channel)
{
    const struct role_message denied = { .type = MESSAGE_DENIED };
    struct imw_error_info err;

    if (keeper->installed || send_guard(config, keeper, channel, &err))
        return true;
    (void)failed(&err);
    return channel_send(channel, &denied);
}

static int wait_for_end(const struct sensor_config *config, struct gatekeeper *keeper, pid_t sensor,
                        int channel, int signal_fd)
{
    struct pollfd fds[] = { { .fd = channel, .events = POLLIN }, { .fd = signal_fd, .events = POLLIN } };
    struct role_message m;
    int status;

    for (;;) {
        (void)poll(fds, 2, -1);
        forward(signal_fd, channel);
        enum channel_answer answer = channel_receive(channel, &m);
        if (answer == CHANNEL_CLOSED)
            break;
        if (answer == CHANNEL_BAD) {
            log_error("channel", "the sensor sent what is no message: its channel is closed");
            break;
        }
        if (answer == CHANNEL_MESSAGE && m.type == MESSAGE_OPEN && config->guard.inline_) {
            if (!answer_gateway(config, keeper, channel))
                break;
        } else if (answer == CHANNEL_MESSAGE && m.type == MESSAGE_OPEN) {
            answer_open(config, channel);
            (void)poll(NULL, 0, OPEN_AGAIN_MS);
        } else if (answer == CHANNEL_MESSAGE && m.type == MESSAGE_SWITCH) {
            if (m.generation != GUARD_END) {
                gatekeeper_switch(keeper, m.generation);
                continue;
            }
            gatekeeper_close(keeper, true);
            (void)channel_send(channel, &m);
        } else if (answer == CHANNEL_MESSAGE && m.type == MESSAGE_GRANT) {
            live_grant_close(&m.grant); /* none is taken from there */
        } else if (answer == CHANNEL_MESSAGE && m.type == MESSAGE_GUARD) {
            guard_grant_close(&m.guard);
        }
    }
    close(channel);
    while (waitpid(sensor, &status, 0) < 0)
        if (errno != EINTR)
            return EXIT_FAILURE;
    int ended = judge_end(status);
    gatekeeper_close(keeper, ended == EXIT_SUCCESS);
    return ended;
}

/* ---- start ---- */

static int signals_open(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGCHLD);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static int be_opener(const struct sensor_config *config, struct gatekeeper *keeper,
                     const struct sandbox_user *user, pid_t sensor, int channel)
{
    const uint64_t kept =
        SANDBOX_CAPABILITY(CAP_NET_RAW) | SANDBOX_CAPABILITY(CAP_NET_ADMIN) | SANDBOX_CAPABILITY(CAP_BPF);
    struct imw_error_info err;
    int signal_fd = signals_open(), status = EXIT_FAILURE;

    if (signal_fd < 0)
        (void)error_errno(&err, "signalfd");
    else if (config->guard.inline_ || /* it becomes less when all is open: answer_gateway() */
             (sandbox_become(user, kept, &err) && (!config->sandbox || sandbox_calls(ROLE_OPENER, &err))))
        return wait_for_end(config, keeper, sensor, channel, signal_fd);
    status = failed(&err);
    close(channel); /* which ends the sensor */
    (void)waitpid(sensor, NULL, 0);
    gatekeeper_close(keeper, true);
    return status;
}

static int be_sensor(const struct sensor_config *config, const struct sandbox_user *user, int channel)
{
    struct imw_error_info err;

    (void)prctl(PR_SET_NAME, "imward-sensor", 0, 0, 0);
    if (!sandbox_become(user, config->guard.inline_ ? SANDBOX_CAPABILITY(CAP_NET_ADMIN) : 0, &err))
        return failed(&err);
    return sensor_run(config, channel);
}

int sensor_watch(const struct sensor_config *config)
{
    struct gatekeeper keeper = { .installed = false };
    struct sandbox_user user;
    struct imw_error_info err;
    int ends[2];

    if (!sandbox_user_find(config->user, &user, &err) || !channel_pair(ends, &err))
        return failed(&err);
    bool waits = config->guard.inline_; /* until it asks: answer_gateway() */
    if (!waits && ((config->guard.reset && !send_guard(config, &keeper, ends[0], &err)) ||
                   !send_live(config, ends[0], &err))) {
        close(ends[0]);
        close(ends[1]);
        return failed(&err);
    }
    make_control_folder(config, &user);
    /* Rings of AF_XDP are locked memory, and only root may raise the limit; for others LimitMEMLOCK= does. */
    (void)setrlimit(RLIMIT_MEMLOCK, &(struct rlimit){ RLIM_INFINITY, RLIM_INFINITY });
    if (user.uid == 0)
        log_warning("runs_as_root",
                    "%s, but with root's files: make the user imward "
                    "(packaging/sysusers.d), or name another with --user",
                    config->guard.inline_ ? "with CAP_NET_ADMIN alone" : "without capabilities");
    pid_t sensor = fork();
    if (sensor < 0) {
        gatekeeper_close(&keeper, true);
        (void)error_errno(&err, "fork");
        return failed(&err);
    }
    if (sensor == 0) {
        close(ends[0]);
        return be_sensor(config, &user, ends[1]);
    }
    close(ends[1]);
    return be_opener(config, &keeper, &user, sensor, ends[0]);
}
