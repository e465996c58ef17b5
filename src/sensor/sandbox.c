/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Users, capabilities, Landlock and seccomp.
 *
 * Sources: capabilities(7), landlock(7), seccomp(2); the kernel's linux/landlock.h and linux/capability.h.
 */
#include "sensor/sandbox.h"
#include "base/text.h"
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <pwd.h>
#include <seccomp.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__)
#define IS_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define IS_SANITIZED 1
#endif
#endif
#ifdef IS_SANITIZED
#include <sanitizer/lsan_interface.h>
#endif

/* ---- user and capabilities ---- */

bool sandbox_user_find(const char *name, struct sandbox_user *out, struct imw_error_info *err)
{
    struct sandbox_user user = { .uid = geteuid(), .gid = getegid() };
    bool is_root = user.uid == 0;
    const struct passwd *p = name != NULL ? getpwnam(name) : is_root ? getpwnam("imward") : NULL;

    if (name != NULL && p == NULL)
        return error_set(err, IMW_ERROR_VALUE, "there is no user '%s': useradd --system %s makes one", name,
                         name);
    if (p == NULL)
        p = getpwuid(user.uid);
    if (p != NULL && p->pw_uid != user.uid && !is_root)
        return error_set(err, IMW_ERROR_VALUE, "only root may become user '%s'", name);
    if (p != NULL)
        user = (struct sandbox_user){ .uid = p->pw_uid, .gid = p->pw_gid };
    struct text t = TEXT(user.name);
    if (p != NULL)
        text_string(&t, p->pw_name);
    else
        text_format(&t, "%u", (unsigned)user.uid);
    *out = user;
    return true;
}

/* Effective and permitted capabilities become those of `wanted` that we have. */
static bool capabilities_keep(uint64_t wanted)
{
    struct __user_cap_header_struct head = { _LINUX_CAPABILITY_VERSION_3, 0 };
    struct __user_cap_data_struct data[2];

    if (syscall(SYS_capget, &head, data) != 0)
        return false;
    for (unsigned i = 0; i < 2; i++) {
        data[i].permitted &= (uint32_t)(wanted >> (32 * i));
        data[i].effective = data[i].permitted;
        data[i].inheritable = 0;
    }
    return syscall(SYS_capset, &head, data) == 0;
}

uint64_t sandbox_capabilities(void)
{
    struct __user_cap_header_struct head = { _LINUX_CAPABILITY_VERSION_3, 0 };
    struct __user_cap_data_struct data[2];

    return syscall(SYS_capget, &head, data) == 0 ? (uint64_t)data[1].permitted << 32 | data[0].permitted
                                                 : UINT64_MAX;
}

/* Not even a program with capabilities of its own would get them. Needs CAP_SETPCAP, so: where we may. */
static void bounding_set_empty(uint64_t keep)
{
    for (unsigned long cap = 0; prctl(PR_CAPBSET_READ, cap, 0, 0, 0) >= 0; cap++)
        if (cap >= 64 || (keep >> cap & 1) == 0)
            (void)prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
    (void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
}

bool sandbox_become(const struct sandbox_user *user, uint64_t capabilities, struct imw_error_info *err)
{
    bounding_set_empty(capabilities);
    if (user->uid != geteuid() || user->gid != getegid()) {
        if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0 || setgroups(1, &user->gid) != 0 ||
            setresgid(user->gid, user->gid, user->gid) != 0 ||
            setresuid(user->uid, user->uid, user->uid) != 0 || prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0) != 0)
            return error_set(err, IMW_ERROR_SYSTEM, "cannot become user '%s': %s", user->name,
                             strerror(errno));
    }
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    if (!capabilities_keep(capabilities))
        return error_set(err, IMW_ERROR_SYSTEM, "cannot give up capabilities: %s", strerror(errno));
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return error_set(err, IMW_ERROR_SYSTEM, "cannot give up new privileges: %s", strerror(errno));
    return true;
}

/* ---- Landlock ---- */

enum {
    LANDLOCK_READ = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR,
    LANDLOCK_WRITE = LANDLOCK_READ | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_FILE |
                     LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK |
                     LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_REMOVE_DIR,
    LANDLOCK_FILE = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE, /* what a file can have */
    LANDLOCK_ALL = (1 << 13) - 1,                                                 /* version 1 */
    LANDLOCK_RENAME = 1 << 13,   /* version 2: between folders */
    LANDLOCK_TRUNCATE = 1 << 14, /* version 3 */
};

static bool landlock_allow(int rules, const struct sandbox_path *p, uint64_t handled)
{
    struct landlock_path_beneath_attr rule = { .parent_fd = open(p->path, O_PATH | O_CLOEXEC) };
    struct stat info;

    if (rule.parent_fd < 0)
        return errno == ENOENT || errno == ENOTDIR || errno == EACCES; /* it could not be used anyway */
    uint64_t allowed = p->write ? LANDLOCK_WRITE | LANDLOCK_RENAME | LANDLOCK_TRUNCATE : LANDLOCK_READ;
    bool ok = fstat(rule.parent_fd, &info) == 0;
    if (ok && !S_ISDIR(info.st_mode))
        allowed &= LANDLOCK_FILE | LANDLOCK_TRUNCATE;
    rule.allowed_access = allowed & handled;
    ok = ok && syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) == 0;
    int kept = errno;
    close(rule.parent_fd);
    errno = kept;
    return ok;
}

bool sandbox_paths(const struct sandbox_path *paths, unsigned count, int *out_version,
                   struct imw_error_info *err)
{
    long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    uint64_t handled =
        LANDLOCK_ALL | (version >= 2 ? LANDLOCK_RENAME : 0u) | (version >= 3 ? LANDLOCK_TRUNCATE : 0u);
    bool ok = true;

    if (version <= 0) {
        *out_version = 0;
        return true;
    }
    /* The structure has grown since; a kernel takes it as short as its user knows it. */
    int rules = (int)syscall(SYS_landlock_create_ruleset, &handled, sizeof handled, 0);
    if (rules < 0)
        return error_set(err, IMW_ERROR_SYSTEM, "Landlock: %s", strerror(errno));
    for (unsigned i = 0; ok && i < count; i++) {
        ok = landlock_allow(rules, &paths[i], handled);
        if (!ok)
            error_set(err, IMW_ERROR_SYSTEM, "Landlock: %s: %s", paths[i].path, strerror(errno));
    }
    if (ok && syscall(SYS_landlock_restrict_self, rules, 0) != 0)
        ok = error_set(err, IMW_ERROR_SYSTEM, "Landlock: %s", strerror(errno));
    close(rules);
    if (ok)
        *out_version = (int)version;
    return ok;
}
_Static_assert(offsetof(struct landlock_ruleset_attr, handled_access_fs) == 0, "the first member");

/* ---- seccomp ---- */

#define CALL(name) SCMP_SYS(name)

/* Both roles: memory, time, waiting, files to read, the end. */
static const int calls_of_all[] = {
    CALL(access),
    CALL(brk),
    CALL(clock_gettime),
    CALL(clock_getres),
    CALL(clock_nanosleep),
    CALL(close),
    CALL(dup),
    CALL(epoll_create1),
    CALL(epoll_ctl),
    CALL(epoll_pwait),
    CALL(epoll_wait),
    CALL(exit),
    CALL(exit_group),
    CALL(faccessat),
    CALL(faccessat2),
    CALL(fstat),
    CALL(fstatfs),
    CALL(futex),
    CALL(getdents64),
    CALL(getegid),
    CALL(geteuid),
    CALL(getgid),
    CALL(getpid),
    CALL(getppid),
    CALL(getpeername),
    CALL(getrandom),
    CALL(getsockname),
    CALL(getsockopt),
    CALL(gettid),
    CALL(gettimeofday),
    CALL(getuid),
    CALL(lseek),
    CALL(lstat),
    CALL(madvise),
    CALL(mremap),
    CALL(munmap),
    CALL(nanosleep),
    CALL(newfstatat),
    CALL(poll),
    CALL(ppoll),
    CALL(pread64),
    CALL(pselect6),
    CALL(read),
    CALL(readlink),
    CALL(readlinkat),
    CALL(readv),
    CALL(recvfrom),
    CALL(recvmsg),
    CALL(restart_syscall),
    CALL(rseq),
    CALL(rt_sigaction),
    CALL(rt_sigprocmask),
    CALL(rt_sigreturn),
    CALL(rt_sigtimedwait),
    CALL(sched_getaffinity),
    CALL(sched_yield),
    CALL(select),
    CALL(sendmsg),
    CALL(sendto),
    CALL(set_robust_list),
    CALL(setsockopt),
    CALL(sigaltstack),
    CALL(signalfd4),
    CALL(stat),
    CALL(statfs),
    CALL(statx),
    CALL(sysinfo),
    CALL(time),
    CALL(uname),
    CALL(write),
    CALL(writev),
    CALL(eventfd2),
    CALL(getcpu),
    CALL(getrusage),
    CALL(membarrier),
    CALL(pipe2),
    CALL(timerfd_create),
    CALL(timerfd_settime),
    CALL(dup2),
    CALL(dup3),
    CALL(get_robust_list),
};

/* The sensor: threads, files to write, clients and servers. */
static const int calls_of_sensor[] = {
    CALL(open),
    CALL(openat),
    CALL(accept),
    CALL(accept4),
    CALL(bind),
    CALL(chmod),
    CALL(clone),
    CALL(clone3),
    CALL(connect),
    CALL(fallocate),
    CALL(fchmod),
    CALL(fchmodat),
    CALL(fchown),
    CALL(fchownat),
    CALL(chown),
    CALL(fdatasync),
    CALL(flock),
    CALL(fsync),
    CALL(ftruncate),
    CALL(link),
    CALL(linkat),
    CALL(listen),
    CALL(mkdir),
    CALL(mkdirat),
    CALL(pwrite64),
    CALL(pwritev),
    CALL(recvmmsg),
    CALL(rename),
    CALL(renameat),
    CALL(renameat2),
    CALL(sched_setaffinity),
    CALL(sched_getparam),
    CALL(sched_getscheduler),
    CALL(sendmmsg),
    CALL(shutdown),
    CALL(syncfs), /* of the vault */
    CALL(umask),
    CALL(unlink),
    CALL(unlinkat),
    CALL(utimensat),
    CALL(copy_file_range),
    CALL(sendfile),
    CALL(getrlimit),
    CALL(mlock),
    CALL(munlock),
    CALL(wait4), /* for the reader of documents */
};

/* The opener: sockets, maps and programs of the kernel, and the sensor's end. */
static const int calls_of_opener[] = {
    CALL(bind),         CALL(bpf),    CALL(connect), CALL(ioctl),
    CALL(memfd_create), CALL(socket), CALL(wait4),   CALL(waitid),
};

/* All roles of the console: threads, and no files yet. */
static const int calls_of_console[] = {
    CALL(clone),         CALL(clone3),   CALL(getrlimit),          CALL(mlock),
    CALL(munlock),       CALL(recvmmsg), CALL(sched_getparam),     CALL(sendmmsg),
    CALL(shutdown),      CALL(umask),    CALL(sched_getscheduler), CALL(sched_setaffinity),
    CALL(rt_sigpending), CALL(mincore),  CALL(sendfile),
};

/* Those with a database, or files to write. */
static const int calls_of_store[] = {
    CALL(open),         CALL(openat),          CALL(bind),      CALL(connect),   CALL(fallocate),
    CALL(fchmod),       CALL(fdatasync),       CALL(flock),     CALL(fsync),     CALL(ftruncate),
    CALL(link),         CALL(linkat),          CALL(mkdir),     CALL(mkdirat),   CALL(pwrite64),
    CALL(pwritev),      CALL(rename),          CALL(renameat),  CALL(renameat2), CALL(rmdir),
    CALL(unlink),       CALL(unlinkat),        CALL(utimensat), CALL(chmod),     CALL(syncfs),
    CALL(memfd_create), CALL(copy_file_range), CALL(getcwd),    CALL(fadvise64), CALL(socketpair),
    CALL(fchown),       CALL(truncate),
};

/* Who takes connections from outside. */
static const int calls_of_listener[] = { CALL(accept), CALL(accept4), CALL(socketpair) };

/* The clerk: a process for each capture, and the end of it. */
static const int calls_of_clerk[] = { CALL(fork),
                                      CALL(vfork),
                                      CALL(wait4),
                                      CALL(waitid),
                                      CALL(setpgid),
                                      CALL(inotify_init1),
                                      CALL(inotify_add_watch),
                                      CALL(inotify_rm_watch),
                                      CALL(seccomp),
                                      CALL(landlock_create_ruleset),
                                      CALL(landlock_add_rule),
                                      CALL(landlock_restrict_self),
                                      CALL(kill),
                                      CALL(capget),
                                      CALL(capset),
                                      CALL(setrlimit) };

static bool allow_all(scmp_filter_ctx filter, const int *calls, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (seccomp_rule_add(filter, SCMP_ACT_ALLOW, calls[i], 0) != 0)
            return false;
    return true;
}
#define ALLOW_ALL(filter, list) allow_all(filter, list, sizeof(list) / sizeof((list)[0]))

/* Allow a call with these values of its argument `argument` only. */
static bool allow_values(scmp_filter_ctx filter, int call, unsigned argument, const uint64_t *values,
                         size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (seccomp_rule_add(filter, SCMP_ACT_ALLOW, call, 1,
                             SCMP_CMP(argument, SCMP_CMP_EQ, values[i], 0)) != 0)
            return false;
    return true;
}
#define ALLOW_VALUES(filter, call, argument, ...)                                                            \
    allow_values(filter, call, argument, (const uint64_t[]){ __VA_ARGS__ },                                  \
                 sizeof((const uint64_t[]){ __VA_ARGS__ }) / sizeof(uint64_t))

/* Files to read, not to write. */
static bool allow_reading(scmp_filter_ctx filter)
{
    return seccomp_rule_add(filter, SCMP_ACT_ALLOW, CALL(open), 1,
                            SCMP_A1(SCMP_CMP_MASKED_EQ, O_ACCMODE, O_RDONLY)) == 0 &&
           seccomp_rule_add(filter, SCMP_ACT_ALLOW, CALL(openat), 1,
                            SCMP_A2(SCMP_CMP_MASKED_EQ, O_ACCMODE, O_RDONLY)) == 0;
}

/* Other kinds of sockets (the resolver asks for netlink) get an error, not the end. */
static bool allow_sockets(scmp_filter_ctx filter)
{
    for (uint64_t family = AF_UNSPEC; family <= AF_INET6; family++) {
        bool wanted = family == AF_UNIX || family == AF_INET || family == AF_INET6;
        if (seccomp_rule_add(filter, wanted ? SCMP_ACT_ALLOW : SCMP_ACT_ERRNO(EAFNOSUPPORT), CALL(socket), 1,
                             SCMP_A0(SCMP_CMP_EQ, family, 0)) != 0)
            return false;
    }
    return seccomp_rule_add(filter, SCMP_ACT_ERRNO(EAFNOSUPPORT), CALL(socket), 1,
                            SCMP_A0(SCMP_CMP_GT, AF_INET6, 0)) == 0;
}

/* FIONREAD, TCGETS, TIOCGWINSZ; SIOCGIFNAME, SIOCGIFFLAGS, SIOCGIFMTU, SIOCGIFHWADDR, SIOCGIFINDEX and
 * SIOCETHTOOL read an interface. */
#define IOCTLS_OF_SENSOR 0x541b, 0x5401, 0x5413, 0x8910, 0x8913, 0x8921, 0x8927, 0x8933, 0x8946

#ifdef IS_SANITIZED
/* LeakSanitizer's search at the end of a process clones and traces it: not where a filter forbids that. */
__attribute__((visibility("default"))) int __lsan_is_turned_off(void)
{
    return prctl(PR_GET_SECCOMP, 0, 0, 0, 0) == SECCOMP_MODE_FILTER;
}
#endif

/* Calls that could reach another process of the same user (the other role among them): for this one only. */
static bool allow_on_itself(scmp_filter_ctx filter)
{
    return ALLOW_VALUES(filter, CALL(prctl), 0, PR_GET_SECCOMP) &&
           ALLOW_VALUES(filter, CALL(tgkill), 0, (uint64_t)getpid()) &&
           ALLOW_VALUES(filter, CALL(prlimit64), 0, 0) &&
           /* No F_SETOWN and F_SETSIG, which send signals too. */
           ALLOW_VALUES(filter, CALL(fcntl), 1, F_DUPFD, F_DUPFD_CLOEXEC, F_GETFD, F_SETFD, F_GETFL, F_SETFL);
}

/* No memory to be written and then run; libraries that come late (those of the resolver) are mapped all the
 * same. */
static bool allow_memory(scmp_filter_ctx filter)
{
    static const uint64_t both = PROT_WRITE | PROT_EXEC, fine[] = { 0, PROT_WRITE, PROT_EXEC };

    for (size_t i = 0; i < sizeof fine / sizeof fine[0]; i++)
        if (seccomp_rule_add(filter, SCMP_ACT_ALLOW, CALL(mmap), 1,
                             SCMP_A2(SCMP_CMP_MASKED_EQ, both, fine[i])) != 0)
            return false;
    return seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), CALL(mmap), 1,
                            SCMP_A2(SCMP_CMP_MASKED_EQ, both, both)) == 0 &&
           seccomp_rule_add(filter, SCMP_ACT_ALLOW, CALL(mprotect), 1,
                            SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)) == 0 &&
           seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), CALL(mprotect), 1,
                            SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, PROT_EXEC)) == 0;
}

/* Roles of the console. FIONREAD and FIONBIO of a socket, TCGETS of a log that may be a terminal. */
static bool fill_console(scmp_filter_ctx filter, enum sandbox_role role)
{
    if (!ALLOW_ALL(filter, calls_of_console) ||
        !ALLOW_VALUES(filter, CALL(ioctl), 1, 0x541b, 0x5421, 0x5401) ||
        !ALLOW_VALUES(filter, CALL(fcntl), 1, F_GETLK, F_SETLK, F_SETLKW, F_OFD_SETLK, F_OFD_SETLKW,
                      F_OFD_GETLK))
        return false;
    if ((role == ROLE_FRONT || role == ROLE_COLLECTOR) && !ALLOW_ALL(filter, calls_of_listener))
        return false;
    if (role == ROLE_CLERK &&
        (!ALLOW_ALL(filter, calls_of_clerk) || seccomp_rule_add(filter, SCMP_ACT_ALLOW, CALL(prctl), 0) != 0))
        return false;
    if (role != ROLE_CLERK && !ALLOW_VALUES(filter, CALL(prctl), 0, PR_SET_NAME, PR_GET_NAME))
        return false;
    if (role == ROLE_FRONT) /* no socket of its own, no file to write */
        return allow_reading(filter);
    return ALLOW_ALL(filter, calls_of_store) && allow_sockets(filter);
}

static bool fill(scmp_filter_ctx filter, enum sandbox_role role)
{
    if (!ALLOW_ALL(filter, calls_of_all) || !allow_on_itself(filter) || !allow_memory(filter))
        return false;
    if (role >= ROLE_KEEPER)
        return fill_console(filter, role);
    if (role == ROLE_OPENER)
        return ALLOW_ALL(filter, calls_of_opener) && allow_reading(filter) &&
               ALLOW_VALUES(filter, CALL(prctl), 0, PR_SET_NAME);
    return ALLOW_ALL(filter, calls_of_sensor) && allow_sockets(filter) &&
           ALLOW_VALUES(filter, CALL(ioctl), 1, IOCTLS_OF_SENSOR) &&
           ALLOW_VALUES(filter, CALL(prctl), 0, PR_SET_NAME, PR_GET_NAME) &&
           ALLOW_VALUES(filter, CALL(bpf), 0, BPF_MAP_LOOKUP_ELEM, BPF_MAP_UPDATE_ELEM, BPF_MAP_DELETE_ELEM,
                        BPF_MAP_GET_NEXT_KEY, BPF_MAP_LOOKUP_AND_DELETE_ELEM, BPF_MAP_LOOKUP_BATCH,
                        BPF_OBJ_GET_INFO_BY_FD);
}

bool sandbox_calls(enum sandbox_role role, struct imw_error_info *err)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
    bool ok = filter != NULL &&
              seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS) == 0 &&
              seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2) == 0 && fill(filter, role) &&
              seccomp_load(filter) == 0;

    seccomp_release(filter);
    return ok || error_set(err, IMW_ERROR_SYSTEM,
                           "the list of system calls does not hold (seccomp): a kernel with "
                           "CONFIG_SECCOMP_FILTER is needed, or --no-sandbox");
}
