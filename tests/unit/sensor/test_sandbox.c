/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sandbox, from inside: each case runs in a process of its own, which gives something up, tries it, and
 * tells by its end.
 */
#include "sensor/confine.h"
#include "test.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { WORKED = 0, REFUSED = 1, NOT_SET_UP = 99 };

/* How a process ends that does this: its exit status, or minus the signal that ended it. */
static int end_of(int (*run)(const char *folder), const char *folder)
{
    int status;
    pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0)
        _exit(run(folder));
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

/* ---- system calls ---- */

static bool be(enum sandbox_role role)
{
    struct imw_error_info err;

    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && sandbox_calls(role, &err);
}

static int sensor_executes(const char *folder)
{
    char *const words[] = { "true", NULL };

    (void)folder;
    if (be(ROLE_SENSOR))
        (void)execv("/bin/true", words);
    return NOT_SET_UP;
}

static int sensor_traces(const char *folder)
{
    (void)folder;
    return be(ROLE_SENSOR) && ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0 ? WORKED : REFUSED;
}

static int sensor_kills(const char *folder)
{
    (void)folder;
    return be(ROLE_SENSOR) && kill(getppid(), 0) == 0 ? WORKED : REFUSED;
}

static int sensor_kills_a_thread_of_another(const char *folder)
{
    (void)folder;
    return be(ROLE_SENSOR) && syscall(SYS_tgkill, getppid(), getppid(), 0) == 0 ? WORKED : REFUSED;
}

static int sensor_limits_another(const char *folder)
{
    struct rlimit limit;

    (void)folder;
    return be(ROLE_SENSOR) && prlimit(getppid(), RLIMIT_NOFILE, NULL, &limit) == 0 ? WORKED : REFUSED;
}

static int sensor_has_signals_sent(const char *folder)
{
    (void)folder;
    return be(ROLE_SENSOR) && fcntl(0, F_SETOWN, getppid()) == 0 ? WORKED : REFUSED;
}

static int sensor_runs_what_it_wrote(const char *folder)
{
    (void)folder;
    if (!be(ROLE_SENSOR))
        return NOT_SET_UP;
    void *both = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    void *at = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED || mprotect(at, 4096, PROT_READ) != 0)
        return NOT_SET_UP;
    return both != MAP_FAILED || mprotect(at, 4096, PROT_READ | PROT_EXEC) == 0 ? WORKED : REFUSED;
}

static int sensor_loads_a_program(const char *folder)
{
    union bpf_attr attr = { .prog_type = BPF_PROG_TYPE_SOCKET_FILTER };

    (void)folder;
    return be(ROLE_SENSOR) && syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof attr) >= 0 ? WORKED : REFUSED;
}

static int sensor_reads_a_map(const char *folder)
{
    union bpf_attr attr = { .map_fd = 1000 };

    (void)folder;
    if (!be(ROLE_SENSOR))
        return NOT_SET_UP;
    return syscall(SYS_bpf, BPF_MAP_LOOKUP_ELEM, &attr, sizeof attr) < 0 && errno != ENOSYS ? REFUSED
                                                                                            : WORKED;
}

static int sensor_opens_a_packet_socket(const char *folder)
{
    (void)folder;
    if (!be(ROLE_SENSOR))
        return NOT_SET_UP;
    return socket(AF_PACKET, SOCK_RAW, 0) < 0 && errno == EAFNOSUPPORT ? REFUSED : WORKED;
}

static void *write_a_byte(void *argument)
{
    return write(*(int *)argument, "x", 1) == 1 ? argument : NULL;
}

/* What it is for: threads, files, sockets of the usual kinds. */
static int sensor_works(const char *folder)
{
    char path[256], to[256];
    pthread_t thread;
    void *result;

    if (!be(ROLE_SENSOR))
        return NOT_SET_UP;
    snprintf(path, sizeof path, "%s/events", folder);
    snprintf(to, sizeof to, "%s/events.1", folder);
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0640);
    if (fd < 0 || pthread_create(&thread, NULL, write_a_byte, &fd) != 0 ||
        pthread_join(thread, &result) != 0 || result == NULL)
        return REFUSED;
    if (fsync(fd) != 0 || rename(path, to) != 0 || unlink(to) != 0)
        return REFUSED;
    return socket(AF_UNIX, SOCK_STREAM, 0) >= 0 && socket(AF_INET6, SOCK_DGRAM, 0) >= 0 ? WORKED : REFUSED;
}

static int opener_writes_a_file(const char *folder)
{
    char path[256];

    snprintf(path, sizeof path, "%s/file", folder);
    return be(ROLE_OPENER) && open(path, O_WRONLY | O_CREAT, 0600) >= 0 ? WORKED : REFUSED;
}

static int opener_reads_a_file(const char *folder)
{
    (void)folder;
    return be(ROLE_OPENER) && open("/proc/self/stat", O_RDONLY) >= 0 ? WORKED : REFUSED;
}

static int opener_starts_a_process(const char *folder)
{
    (void)folder;
    return be(ROLE_OPENER) && fork() >= 0 ? WORKED : REFUSED;
}

static void test_the_sensor_may_make_the_calls_it_needs(void **state)
{
    assert_int_equal(end_of(sensor_works, *state), WORKED);
    assert_int_equal(end_of(sensor_reads_a_map, *state), REFUSED); /* by bpf(2), as there is no such map */
}

static void test_a_call_that_is_not_on_the_list_ends_the_sensor(void **state)
{
    assert_int_equal(end_of(sensor_executes, *state), -SIGSYS);
    assert_int_equal(end_of(sensor_traces, *state), -SIGSYS);
    assert_int_equal(end_of(sensor_kills, *state), -SIGSYS);
    assert_int_equal(end_of(sensor_kills_a_thread_of_another, *state), -SIGSYS);
    assert_int_equal(end_of(sensor_limits_another, *state), -SIGSYS);
    assert_int_equal(end_of(sensor_has_signals_sent, *state), -SIGSYS);
    assert_int_equal(end_of(sensor_runs_what_it_wrote, *state), REFUSED);
    assert_int_equal(end_of(sensor_loads_a_program, *state), -SIGSYS);
    assert_int_equal(end_of(sensor_opens_a_packet_socket, *state), REFUSED);
}

static void test_the_opener_writes_no_file_and_starts_no_process(void **state)
{
    assert_int_equal(end_of(opener_reads_a_file, *state), WORKED);
    assert_int_equal(end_of(opener_writes_a_file, *state), -SIGSYS);
    assert_int_equal(end_of(opener_starts_a_process, *state), -SIGSYS);
}

/* ---- files ---- */

/* In `folder`: allowed/ to write, seen/ to read; all else is closed. Returns the version, or -1. */
static int close_all_but(const char *folder)
{
    static char allowed[256], seen[256];
    const struct sandbox_path paths[] = { { allowed, true }, { seen, false }, { "/no/such/path", true } };
    struct imw_error_info err;
    int version;

    snprintf(allowed, sizeof allowed, "%s/allowed", folder);
    snprintf(seen, sizeof seen, "%s/seen", folder);
    (void)mkdir(allowed, 0700);
    (void)mkdir(seen, 0700);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || !sandbox_paths(paths, 3, &version, &err))
        return -1;
    return version;
}

static int writes_where_it_may(const char *folder)
{
    char from[256], to[256];

    if (close_all_but(folder) <= 0)
        return NOT_SET_UP;
    snprintf(from, sizeof from, "%s/allowed/a", folder);
    snprintf(to, sizeof to, "%s/allowed/b", folder);
    return open(from, O_WRONLY | O_CREAT | O_TRUNC, 0600) >= 0 && rename(from, to) == 0 && unlink(to) == 0
               ? WORKED
               : REFUSED;
}

static int writes_where_it_may_only_read(const char *folder)
{
    char path[256];

    if (close_all_but(folder) <= 0)
        return NOT_SET_UP;
    snprintf(path, sizeof path, "%s/seen/a", folder);
    return open(path, O_WRONLY | O_CREAT, 0600) < 0 && errno == EACCES ? REFUSED : WORKED;
}

static int reads_what_was_not_named(const char *folder)
{
    if (close_all_but(folder) <= 0)
        return NOT_SET_UP;
    return open("/etc/passwd", O_RDONLY) < 0 && errno == EACCES ? REFUSED : WORKED;
}

static int has_landlock(const char *folder)
{
    return close_all_but(folder) > 0 ? WORKED : NOT_SET_UP;
}

static void test_files_that_were_not_named_are_closed(void **state)
{
    if (end_of(has_landlock, *state) != WORKED) {
        print_message("this kernel has no Landlock\n");
        skip();
    }
    assert_int_equal(end_of(writes_where_it_may, *state), WORKED);
    assert_int_equal(end_of(writes_where_it_may_only_read, *state), REFUSED);
    assert_int_equal(end_of(reads_what_was_not_named, *state), REFUSED);
}

/* ---- user and capabilities ---- */

static uint64_t capabilities(void)
{
    struct __user_cap_header_struct head = { _LINUX_CAPABILITY_VERSION_3, 0 };
    struct __user_cap_data_struct data[2];

    if (syscall(SYS_capget, &head, data) != 0)
        return UINT64_MAX;
    return data[0].permitted | (uint64_t)data[1].permitted << 32;
}

static int becomes_nobody(const char *folder)
{
    struct sandbox_user user;
    struct imw_error_info err;

    (void)folder;
    if (!sandbox_user_find("nobody", &user, &err) || !sandbox_become(&user, 0, &err))
        return NOT_SET_UP;
    bool is_nobody = getuid() == user.uid && geteuid() == user.uid && getegid() == user.gid;
    return is_nobody && capabilities() == 0 && setuid(0) != 0 && getgroups(0, NULL) == 1 &&
                   prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 &&
                   prctl(PR_CAPBSET_READ, CAP_SYS_ADMIN, 0, 0, 0) == 0
               ? WORKED
               : REFUSED;
}

static int keeps_one_capability(const char *folder)
{
    struct sandbox_user user;
    struct imw_error_info err;

    (void)folder;
    if (!sandbox_user_find("nobody", &user, &err) ||
        !sandbox_become(&user, SANDBOX_CAPABILITY(CAP_NET_RAW), &err))
        return NOT_SET_UP;
    return capabilities() == SANDBOX_CAPABILITY(CAP_NET_RAW) && socket(AF_PACKET, SOCK_RAW, 0) >= 0 ? WORKED
                                                                                                    : REFUSED;
}

static int leaves_no_core(const char *folder)
{
    struct sandbox_user user;
    struct imw_error_info err;

    (void)folder;
    if (!sandbox_user_find(NULL, &user, &err) || prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 1)
        return NOT_SET_UP;
    user.uid = geteuid(); /* as under the unit: nobody else from the start */
    user.gid = getegid();
    return sandbox_become(&user, 0, &err) && prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0 ? WORKED : REFUSED;
}

static void test_no_core_is_left(void **state)
{
    assert_int_equal(end_of(leaves_no_core, *state), WORKED);
}

static int is_not_root_and_wants_to_be_another(const char *folder)
{
    struct sandbox_user user;
    struct imw_error_info err;

    (void)folder;
    if (!sandbox_user_find("nobody", &user, &err) || !sandbox_become(&user, 0, &err))
        return NOT_SET_UP;
    return sandbox_user_find("root", &user, &err) ? WORKED : REFUSED;
}

static void test_root_becomes_another_for_good(void **state)
{
    if (geteuid() != 0) {
        print_message("only root can try this\n");
        skip();
    }
    assert_int_equal(end_of(becomes_nobody, *state), WORKED);
    assert_int_equal(end_of(keeps_one_capability, *state), WORKED);
    assert_int_equal(end_of(is_not_root_and_wants_to_be_another, *state), REFUSED);
}

static void test_a_user_that_does_not_exist_is_named(void **state)
{
    struct imw_error_info err;
    struct sandbox_user user;

    (void)state;
    assert_false(sandbox_user_find("no-such-user", &user, &err));
    assert_non_null(strstr(err.text, "no-such-user"));
}

static int make_folder(void **state)
{
    char name[] = "/tmp/imward-sandbox-XXXXXX";

    *state = mkdtemp(name) != NULL ? strdup(name) : NULL;
    return *state != NULL ? 0 : -1;
}

static int remove_folder(void **state)
{
    char path[256];

    for (unsigned i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s/%s", (const char *)*state, i ? "seen" : "allowed");
        (void)rmdir(path);
    }
    int result = rmdir(*state);
    free(*state);
    return result;
}

/* Left out in silence it would be a file that cannot be opened, later. */
static void test_a_folder_that_finds_no_room_is_an_error(void **state)
{
    char path[2048];
    struct sensor_config config = { .sandbox = true, .spool = path };
    struct carried_content content = { 0 };
    struct sandbox_status status = { 0 };
    struct imw_error_info err = { 0 };

    (void)state;
    memset(path, 'x', sizeof path - 1);
    path[0] = '/';
    path[sizeof path - 1] = '\0';
    assert_false(confine(&config, &content, &status, &err));
    assert_int_equal(err.code, IMW_ERROR_LIMIT);
    assert_non_null(strstr(err.text, "fewer folders"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_folder_that_finds_no_room_is_an_error),
        cmocka_unit_test(test_the_sensor_may_make_the_calls_it_needs),
        cmocka_unit_test(test_a_call_that_is_not_on_the_list_ends_the_sensor),
        cmocka_unit_test(test_the_opener_writes_no_file_and_starts_no_process),
        cmocka_unit_test(test_files_that_were_not_named_are_closed),
        cmocka_unit_test(test_root_becomes_another_for_good),
        cmocka_unit_test(test_no_core_is_left),
        cmocka_unit_test(test_a_user_that_does_not_exist_is_named),
    };

    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
