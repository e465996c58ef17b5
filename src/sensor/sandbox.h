/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a process gives up before it reads bytes from strangers, in this order:
 *
 *     sandbox_become()   root: becomes another user, and keeps the capabilities that it names
 *     sandbox_paths()    the file system but for what it names (Landlock, Linux 5.13)
 *     sandbox_calls()    the system calls but for those of its role (seccomp); any other ends the process
 *
 * None can be taken back, and all threads that are started later are bound by them.
 */
#pragma once
#include "base/error.h"
#include <sys/types.h>

/* Bits of capabilities(7). */
#define SANDBOX_CAPABILITY(number) (1ull << (number))

struct sandbox_user {
    uid_t uid;
    gid_t gid;
    char name[64];
};

/* The account to become: `name`, or, NULL, "imward" where that exists and we are root; else whoever we are.
 * False: there is none of that name, or we may not become it. */
bool sandbox_user_find(const char *name, struct sandbox_user *out, struct imw_error_info *err) IMW_MUST_USE;

/* Become it with these capabilities and no others (those that we lack are no error), for good: no program
 * that is executed gets any back. No other process of the user may look into this one, and it leaves no core:
 * there are secrets in it, and what others wrote to each other. */
bool sandbox_become(const struct sandbox_user *user, uint64_t capabilities,
                    struct imw_error_info *err) IMW_MUST_USE;

/* What this process has left of the capabilities; asked before sandbox_calls(). */
uint64_t sandbox_capabilities(void);

struct sandbox_path {
    const char *path; /* a folder with all below it, or a file; one that does not exist is passed over */
    bool write;       /* files and sockets may be made, written, renamed and removed too */
};

/* *out_version: of Landlock, 0 where the kernel has none; then nothing is restricted and that is no error. */
bool sandbox_paths(const struct sandbox_path *paths, unsigned count, int *out_version,
                   struct imw_error_info *err) IMW_MUST_USE;

enum sandbox_role {
    ROLE_OPENER,
    ROLE_SENSOR,
    ROLE_KEEPER, /* and what follows: of the console (console/role.h) */
    ROLE_FRONT,
    ROLE_API,
    ROLE_COLLECTOR,
    ROLE_CLERK,
    ROLE_FOLLOWER, /* imward policy follow */
};

bool sandbox_calls(enum sandbox_role role, struct imw_error_info *err) IMW_MUST_USE;
