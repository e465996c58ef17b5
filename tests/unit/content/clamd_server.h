/* SPDX-License-Identifier: Apache-2.0 */
/* A real clamd with a configuration and a signature of our own, in a folder of its own. */
#pragma once
#include "test.h"
#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

/* The test file that every scanner must know, in two halves, so that no scanner takes our source for it. */
static const char *const eicar_half[] = { "X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR-STANDARD",
                                          "-ANTIVIRUS-TEST-FILE!$H+H*" };

static inline size_t eicar(char out[80])
{
    return (size_t)snprintf(out, 80, "%s%s", eicar_half[0], eicar_half[1]);
}

struct clamd_server {
    char folder[64], socket[96], unix_address[112], tcp_address[64];
    unsigned port;
    pid_t pid;
};

static inline void clamd_server_write(const struct clamd_server *s, const char *name, const char *content)
{
    char path[128];

    snprintf(path, sizeof path, "%s/%s", s->folder, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(content, f);
    assert_int_equal(fclose(f), 0);
}

/* A port that nobody has now. */
static inline unsigned clamd_server_port(void)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
    close(fd);
    return ntohs(a.sin_port);
}

static inline bool clamd_server_answers(const struct clamd_server *s)
{
    struct sockaddr_un a = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    char reply[16] = { 0 };

    snprintf(a.sun_path, sizeof a.sun_path, "%s", s->socket);
    bool up = connect(fd, (struct sockaddr *)&a, sizeof a) == 0 && send(fd, "zPING", 6, MSG_NOSIGNAL) == 6 &&
              recv(fd, reply, sizeof reply - 1, 0) > 0 && strcmp(reply, "PONG") == 0;
    close(fd);
    return up;
}

static inline void clamd_server_start(struct clamd_server *s)
{
    char configuration[128];

    snprintf(configuration, sizeof configuration, "--config-file=%s/clamd.conf", s->folder);
    s->pid = fork();
    assert_true(s->pid >= 0);
    if (s->pid == 0) {
        int null = open("/dev/null", O_WRONLY);
        dup2(null, 1);
        dup2(null, 2);
        execl("/usr/sbin/clamd", "clamd", configuration, (char *)NULL);
        _exit(127);
    }
    for (unsigned i = 0; i < 600 && !clamd_server_answers(s); i++) {
        usleep(50000);
        if (waitpid(s->pid, NULL, WNOHANG) == s->pid)
            fail_msg("clamd ended; is clamav-daemon installed?");
    }
    assert_true(clamd_server_answers(s));
}

static inline void clamd_server_stop(struct clamd_server *s)
{
    if (s->pid > 0) {
        kill(s->pid, SIGKILL);
        waitpid(s->pid, NULL, 0);
    }
    s->pid = 0;
}

static inline void clamd_server_make(struct clamd_server *s)
{
    char content[2048], bytes[80];
    size_t n = eicar(bytes), at;

    memset(s, 0, sizeof *s);
    snprintf(s->folder, sizeof s->folder, "/tmp/imward-test-clamd-XXXXXX");
    assert_non_null(mkdtemp(s->folder));
    assert_int_equal(chmod(s->folder, 0755), 0);
    snprintf(s->socket, sizeof s->socket, "%s/socket", s->folder);
    s->port = clamd_server_port();
    snprintf(s->unix_address, sizeof s->unix_address, "unix:%s", s->socket);
    snprintf(s->tcp_address, sizeof s->tcp_address, "tcp:127.0.0.1:%u", s->port);
    snprintf(content, sizeof content,
             "LocalSocket %s\nTCPSocket %u\nTCPAddr 127.0.0.1\nDatabaseDirectory %s\nForeground yes\n"
             "StreamMaxLength 1M\nMaxFileSize 3M\nMaxScanSize 20M\nAlertExceedsMax yes\nLogFile %s/log\n"
             "TemporaryDirectory %s\n",
             s->socket, s->port, s->folder, s->folder, s->folder);
    clamd_server_write(s, "clamd.conf", content);
    at = (size_t)snprintf(content, sizeof content, "Eicar-Test:0:*:");
    for (size_t i = 0; i < n; i++)
        at += (size_t)snprintf(content + at, sizeof content - at, "%02x", (unsigned char)bytes[i]);
    snprintf(content + at, sizeof content - at, "\n");
    clamd_server_write(s, "test.ndb", content);
    clamd_server_start(s);
}

static inline void clamd_server_remove(struct clamd_server *s)
{
    char command[128];

    clamd_server_stop(s);
    snprintf(command, sizeof command, "rm -rf %s", s->folder);
    assert_int_equal(system(command), 0);
}
