/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The commands of the program. Each takes its own arguments (argv[0] is the command's name) and returns the
 * exit status: 0 done, 1 failed while running, 2 wrong use.
 */
#pragma once
#include "base/error.h"

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

/* name, function stem, what it does */
#define COMMANDS(X)                                                                                          \
    X("read", read, "analyse captures: who uses which instant messaging, on any port, and why we say so")    \
    X("watch", watch, "watch an interface: the same, live, as events, for as long as it runs")               \
    X("gateway", gateway, "stand between two networks: what the policy blocks does not pass")                \
    X("serve", serve, "the console: what sensors see, in a browser, for the people who answer for it")       \
    X("sensor", sensor, "sensors of the console: add one with its certificate, list, revoke")                \
    X("account", account, "accounts of the console, from its own machine: list, add, reset, disable")        \
    X("people", people, "who is who, out of the console: the policy's file of people")                       \
    X("evidence", evidence, "make and verify evidence: packages, the audit trail")                            \
    X("backup", backup, "the console in one file, while it runs")                                            \
    X("restore", restore, "a backup back into an empty place")                                               \
    X("catalog", catalog, "what is known of every service: list, show, check, compile")                      \
    X("policy", policy, "the institution's rules: check them, explain what they say to a flow")              \
    X("leaks", leaks, "data that should not leave: hash customer data, try patterns on files")               \
    X("status", status, "what the running sensor does: traffic, drops, flows, services, outputs")            \
    X("control", control, "orders to the running sensor: reload, reopen, learn, stop")                       \
    X("vault", vault, "what the policy keeps, encrypted: list, read, expire, verify")

#define X(name, stem, help) int command_##stem(int argc, char **argv);
COMMANDS(X)
#undef X

/* Print "imward COMMAND: message" and where help is; returns EXIT_USAGE. */
int cli_usage(const char *command, const char *format, ...) IMW_PRINTF(2, 3);

/* The number behind an option, from `min` to `max`. False: it is none, and that is told as wrong use. */
bool cli_number(const char *command, const char *option, const char *text, uint32_t min, uint32_t max,
                uint32_t *out);

/* Print an error record; returns EXIT_FAILED. */
int cli_failed(const struct imw_error_info *err);
