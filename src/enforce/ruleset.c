/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making the kernel's rules, changing and removing them, by nft and iptables-nft-restore: no shell, text on
 * standard input. What is there already is read first, from the kernel and not from a memory of ours, so a
 * gateway that was killed is cleaned up after. ruleset_text.c has the rules.
 *
 * Each of the tools makes one transaction of what it is given. With iptables there are two or three
 * (nftables, IPv4, IPv6); their order does not matter, since a mark is saved only where it is of the
 * generation that the rules know, and passes only where it is of that.
 *
 * Settings of the kernel that are needed: connections are counted (nf_conntrack_acct), frames of a bridge are
 * shown to the rules of IP (bridge-nf-call-*). They are put back at the end.
 */
#include "enforce/ruleset.h"
#include "base/netlink.h"
#include "base/text.h"
#include "enforce/ruleset_text.h"
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- programs ---- */

enum { OUTPUT_BYTES = 1 << 20 };

static const char *const folders[] = { "/usr/sbin", "/sbin", "/usr/bin", "/bin" };

static bool find_program(const char *name, char *out, size_t size)
{
    for (unsigned i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        snprintf(out, size, "%s/%s", folders[i], name);
        if (access(out, X_OK) == 0)
            return true;
    }
    return false;
}

/* A file in memory that holds `text`, to be read from its start. */
static int input_of(const char *text)
{
    int fd = memfd_create("rules", MFD_CLOEXEC);
    size_t len = strlen(text), done = 0;

    while (fd >= 0 && done < len) {
        ssize_t n = write(fd, text + done, len - done);
        if (n <= 0) {
            close(fd);
            return -1;
        }
        done += (size_t)n;
    }
    if (fd >= 0)
        (void)lseek(fd, 0, SEEK_SET);
    return fd;
}

static void read_all(int fd, char *out, size_t size)
{
    char spill[4096];
    size_t len = 0;
    ssize_t n;

    do {
        bool room = len < size - 1;
        n = room ? read(fd, out + len, size - 1 - len) : read(fd, spill, sizeof spill);
        if (room && n > 0)
            len += (size_t)n;
    } while (n > 0 || (n < 0 && errno == EINTR));
    out[len] = '\0';
}

/*
 * Run `arguments` with `input` (NULL: none) and wait for its end. `out` gets what it says: its output, or
 * with `errors` what it complains of. Returns its exit status; -1: it did not run, errno says why.
 */
static int run(const char *const arguments[], const char *input, bool errors, char out[OUTPUT_BYTES])
{
    char path[64];
    char *environment[] = { (char[]){ "LC_ALL=C" }, (char[]){ "PATH=/usr/sbin:/sbin:/usr/bin:/bin" }, NULL };
    posix_spawn_file_actions_t files;
    int ends[2] = { -1, -1 }, status = -1, in = -1;
    pid_t pid = -1;

    out[0] = '\0';
    if (!find_program(arguments[0], path, sizeof path)) {
        errno = ENOENT;
        return -1;
    }
    in = input != NULL ? input_of(input) : open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (in < 0 || pipe2(ends, O_CLOEXEC) != 0 || posix_spawn_file_actions_init(&files) != 0) {
        if (in >= 0)
            close(in);
        return -1;
    }
    int failed = posix_spawn_file_actions_adddup2(&files, in, 0);
    if (failed == 0)
        failed = posix_spawn_file_actions_addopen(&files, errors ? 1 : 2, "/dev/null", O_WRONLY, 0);
    if (failed == 0)
        failed = posix_spawn_file_actions_adddup2(&files, ends[1], errors ? 2 : 1);
    if (failed == 0)
        failed = posix_spawn(&pid, path, &files, NULL, (char *const *)(uintptr_t)arguments, environment);
    posix_spawn_file_actions_destroy(&files);
    close(in);
    close(ends[1]);
    if (failed == 0) {
        read_all(ends[0], out, OUTPUT_BYTES);
        while (waitpid(pid, &status, 0) < 0)
            if (errno != EINTR) {
                failed = errno;
                break;
            }
    }
    close(ends[0]);
    errno = failed;
    return failed != 0 || !WIFEXITED(status) ? -1 : WEXITSTATUS(status);
}

/* The line that says most: the first that is no warning. */
static void complaint(const char *said, struct text *t)
{
    struct view rest = view_string(said), line;

    while (view_line(&rest, &line))
        if (!view_starts(line, VIEW("#")) && line.len > 0) {
            view_starts(line, VIEW("/dev/stdin:")) ? text_printable(t, view_from(line, 11))
                                                   : text_printable(t, line);
            return;
        }
    text_printable(t, view_trim(rest));
}

/* Give rules to a program. */
static bool apply(const char *const arguments[], const char *package, const struct text *rules,
                  struct imw_error_info *err)
{
    char *said = malloc(OUTPUT_BYTES);
    char text[200] = "";
    struct text t = TEXT(text);

    if (said == NULL || rules->cut) {
        free(said);
        return error_set(err, IMW_ERROR_MEMORY, "no memory for rules");
    }
    int status = run(arguments, rules->at, true, said);
    int error = errno;
    complaint(said, &t);
    free(said);
    if (status == 0)
        return true;
    if (status < 0 && error == ENOENT)
        return error_set(err, IMW_ERROR_SYSTEM, "there is no program '%s': install %s", arguments[0],
                         package);
    if (geteuid() != 0 && strstr(text, "not permitted") != NULL)
        return error_set(err, IMW_ERROR_SYSTEM,
                         "no permission to make rules: run as root, or with CAP_NET_ADMIN (%s)", text);
    return error_set(err, IMW_ERROR_SYSTEM, "%s: %s", arguments[0], status < 0 ? strerror(error) : text);
}

static const char *const nft_apply[] = { "nft", "-f", "-", NULL };
static const char *const nft_check[] = { "nft", "-c", "-f", "-", NULL };

struct family {
    const char *name; /* of nftables */
    const char *proc; /* is there where the kernel has it */
    const char *made; /* note: table mangle was not there before us */
    const char *const save[4], *const restore[4];
};
static const struct family families[] = {
    { "ip",
      "/proc/sys/net/ipv4",
      "was_no_ip_mangle",
      { "iptables-nft-save", "-t", "mangle", NULL },
      { "iptables-nft-restore", "--noflush", NULL } },
    { "ip6",
      "/proc/sys/net/ipv6",
      "was_no_ip6_mangle",
      { "ip6tables-nft-save", "-t", "mangle", NULL },
      { "ip6tables-nft-restore", "--noflush", NULL } },
};
enum { FAMILIES = sizeof families / sizeof families[0] };

/* ---- settings of the kernel ---- */

struct setting {
    const char *path, *module, *note;
    bool bridge; /* needed for that only */
};
static const struct setting settings[] = {
    { "/proc/sys/net/netfilter/nf_conntrack_acct", "nf_conntrack", "was_off_conntrack_acct", false },
    { "/proc/sys/net/bridge/bridge-nf-call-iptables", "br_netfilter", "was_off_bridge_iptables", true },
    { "/proc/sys/net/bridge/bridge-nf-call-ip6tables", "br_netfilter", "was_off_bridge_ip6tables", true },
    { "/proc/sys/net/bridge/bridge-nf-filter-vlan-tagged", "br_netfilter", "was_off_bridge_vlan", true },
    { "/proc/sys/net/bridge/bridge-nf-filter-pppoe-tagged", "br_netfilter", "was_off_bridge_pppoe", true },
};
enum { SETTINGS = sizeof settings / sizeof settings[0], NOTES = SETTINGS + FAMILIES };

/* '0', '1'; 0: not there. */
static char setting_read(const struct setting *s)
{
    char c = 0;
    int fd = open(s->path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return 0;
    if (read(fd, &c, 1) != 1)
        c = 0;
    close(fd);
    return c;
}

static bool setting_write(const struct setting *s, char value)
{
    int fd = open(s->path, O_WRONLY | O_CLOEXEC);
    bool done = fd >= 0 && write(fd, &value, 1) == 1;

    if (fd >= 0)
        close(fd);
    return done;
}

static bool setting_is_wanted(const struct setting *s, const struct ruleset_config *config)
{
    return config->bridge || !s->bridge;
}

/* Where it is missing, the module that has it may only not be loaded. */
static void load_module(const struct setting *s, char said[OUTPUT_BYTES])
{
    const char *const modprobe[] = { "modprobe", "-q", s->module, NULL };

    if (setting_read(s) == 0)
        (void)run(modprobe, NULL, true, said);
}

/* ---- what is there ---- */

struct found {
    bool table;               /* inet imward */
    unsigned generation;      /* of it; 0: none */
    bool note[NOTES];         /* settings, then families */
    bool mangle[FAMILIES];    /* the table is there */
    bool chains[FAMILIES];    /* ours are in it */
    unsigned jumps[FAMILIES]; /* to ours */
};

static const char *note_name(unsigned i)
{
    return i < SETTINGS ? settings[i].note : families[i - SETTINGS].made;
}

/* Does `text` have this line, white space around it apart? How often? */
static unsigned lines_like(const char *text, const char *line)
{
    struct view rest = view_string(text), one;
    unsigned n = 0;

    while (view_line(&rest, &one))
        n += view_equal(view_trim(one), view_string(line));
    return n;
}

static void find_notes(const char *listing, struct found *f)
{
    char line[48];

    for (unsigned i = 0; i < NOTES; i++) {
        snprintf(line, sizeof line, "chain %s {", note_name(i));
        f->note[i] = lines_like(listing, line) > 0;
    }
    for (unsigned g = 1; g <= MARK_GENERATIONS && f->generation == 0; g++) {
        snprintf(line, sizeof line, "chain generation_%u {", g);
        if (lines_like(listing, line) > 0)
            f->generation = g;
    }
}

/* Chains of ours and the way into them, as iptables tells. */
static void find_chains(const char *saved, unsigned family, struct found *f)
{
    struct view rest = view_string(saved), line;

    f->jumps[family] = lines_like(saved, "-A FORWARD -j " RULESET_CHAIN);
    while (view_line(&rest, &line))
        f->chains[family] |= view_starts(line, VIEW(":" RULESET_CHAIN " "));
}

static bool look(struct found *f, char said[OUTPUT_BYTES], struct imw_error_info *err)
{
    static const char *const tables[] = { "nft", "list", "tables", NULL };
    static const char *const table[] = { "nft", "-t", "list", "table", "inet", "imward", NULL };
    char line[32];

    *f = (struct found){ .table = false };
    int status = run(tables, NULL, false, said);
    if (status < 0 && errno == ENOENT)
        return error_set(err, IMW_ERROR_SYSTEM, "there is no program 'nft': install nftables");
    if (status != 0)
        return error_set(
            err, IMW_ERROR_SYSTEM,
            "nft cannot list the kernel's tables: run as root, or with CAP_NET_ADMIN, on a kernel "
            "with nftables");
    f->table = lines_like(said, "table inet imward") > 0;
    for (unsigned i = 0; i < FAMILIES; i++) {
        snprintf(line, sizeof line, "table %s mangle", families[i].name);
        f->mangle[i] = lines_like(said, line) > 0;
    }
    for (unsigned i = 0; i < FAMILIES; i++)
        if (f->mangle[i] && run(families[i].save, NULL, false, said) == 0)
            find_chains(said, i, f);
    if (f->table && run(table, NULL, false, said) == 0)
        find_notes(said, f);
    return true;
}

/* ---- generations ---- */

/* Mark which generations connections bear that the kernel knows of. `bytes`: OUTPUT_BYTES from the heap. */
static bool dump_marks(int fd, uint8_t *bytes, bool borne[MARK_GENERATIONS + 1])
{
    struct nlmsghdr *m = mnl_nlmsg_put_header(bytes);
    struct nfgenmsg *head = mnl_nlmsg_put_extra_header(m, sizeof *head);

    m->nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET;
    m->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    head->nfgen_family = AF_UNSPEC;
    if (send(fd, m, m->nlmsg_len, 0) < 0)
        return false;
    for (;;) {
        ssize_t n = recv(fd, bytes, OUTPUT_BYTES, 0);
        struct view rest = view_of(bytes, n > 0 ? (size_t)n : 0);
        const struct nlmsghdr *a;

        if (n <= 0)
            return false;
        while ((a = netlink_message(&rest)) != NULL) {
            struct view attrs = netlink_payload(a, sizeof(struct nfgenmsg));
            const struct nlattr *attr;

            if (a->nlmsg_type == NLMSG_DONE || a->nlmsg_type == NLMSG_ERROR)
                return a->nlmsg_type == NLMSG_DONE;
            while ((attr = netlink_attr(&attrs)) != NULL)
                if (mnl_attr_get_type(attr) == CTA_MARK && mnl_attr_get_payload_len(attr) >= sizeof(uint32_t))
                    borne[ntohl(mnl_attr_get_u32(attr)) >> 16 & 0xff] = true;
        }
    }
}

/* One that no connection bears, nor rules that are there. */
static unsigned new_generation(unsigned there, char *memory)
{
    bool borne[MARK_GENERATIONS + 1] = { [0] = true };
    uint8_t chance = 0;
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);

    if (fd >= 0) {
        (void)dump_marks(fd, (uint8_t *)memory, borne);
        close(fd);
    }
    borne[there] = true;
    if (getrandom(&chance, sizeof chance, GRND_NONBLOCK) != sizeof chance)
        chance = 0;
    for (unsigned i = 0; i <= MARK_GENERATIONS; i++)
        if (!borne[(chance + i) & 0xff])
            return (chance + i) & 0xff;
    return there % MARK_GENERATIONS + 1; /* all are borne */
}

/* ---- making, changing, removing ---- */

static struct text rules_text(char *memory)
{
    return text_over(memory, RULESET_TEXT_BYTES);
}

/* Can the kernel do what the rules of `t` say? Nothing of them stays. */
static bool can(const struct text *t, char said[OUTPUT_BYTES])
{
    return run(nft_check, t->at, true, said) == 0;
}

static bool choose(const struct ruleset_config *config, struct ruleset_info *out, char *memory,
                   char said[OUTPUT_BYTES], struct imw_error_info *err)
{
    bool ports = config->bridge && config->interface_count > 0;
    struct text t = rules_text(memory), note = TEXT(out->note);

    ruleset_nft_probe_queue(&t);
    bool queue = config->kind != RULESET_IPTABLES && can(&t, said);
    if (config->kind == RULESET_NFT && !queue)
        return error_set(
            err, IMW_ERROR_SYSTEM,
            "this kernel's nftables has no queue (module nft_queue, CONFIG_NFT_QUEUE): take iptables");
    if (config->kind == RULESET_NFT && ports)
        return error_set(
            err, IMW_ERROR_VALUE,
            "nftables does not tell the ports of a bridge apart: take iptables, or name no interfaces");
    out->kind = queue && !ports ? RULESET_NFT : RULESET_IPTABLES;
    if (config->kind == RULESET_AUTO && !queue)
        text_string(&note, "nftables of this kernel has no queue: iptables-nft has the rule");
    if (!config->flow_table)
        return true;
    const char *why = NULL;
    if (out->kind != RULESET_NFT)
        why = "it needs a queue of nftables";
    else if (config->bridge)
        why = "frames of a bridge are not routed";
    else if (config->interface_count == 0)
        why = "it needs interfaces named";
    if (why == NULL) {
        t = rules_text(memory);
        ruleset_nft_probe_flow_table(&t, config);
        out->flow_table = can(&t, said);
        why = "this kernel has none for these interfaces";
    }
    if (!out->flow_table)
        text_format(&note, "%sno flow table: %s", note.len > 0 ? "; " : "", why);
    return true;
}

static bool remove_iptables(const struct found *f, char *memory, struct imw_error_info *err)
{
    bool ok = true;

    for (unsigned i = 0; i < FAMILIES; i++)
        if (f->chains[i]) {
            struct text t = rules_text(memory);
            ruleset_iptables_remove(&t, f->jumps[i]);
            ok &= apply(families[i].restore, "iptables", &t, err);
        }
    return ok;
}

static bool install_iptables(const struct ruleset_config *config, const struct ruleset_info *info,
                             const struct found *f, char *memory, struct imw_error_info *err)
{
    for (unsigned i = 0; i < FAMILIES; i++) {
        struct text t = rules_text(memory);

        if (access(families[i].proc, F_OK) != 0)
            continue;
        ruleset_iptables_install(&t, config, info->generation, f->jumps[i]);
        if (!apply(families[i].restore, "iptables", &t, err))
            return false;
    }
    return true;
}

static bool set_settings(const struct ruleset_config *config, struct imw_error_info *err)
{
    for (unsigned i = 0; i < SETTINGS; i++) {
        const struct setting *s = &settings[i];

        if (!setting_is_wanted(s, config) || setting_read(s) == '1' || setting_write(s, '1'))
            continue;
        if (s->bridge)
            return error_set(err, IMW_ERROR_SYSTEM, "%s: %s; frames of a bridge need it ('modprobe %s')",
                             s->path, strerror(errno), s->module);
    }
    return true;
}

static bool install(const struct ruleset_config *config, struct ruleset_info *out, char *memory,
                    char said[OUTPUT_BYTES], struct imw_error_info *err)
{
    const char *notes[NOTES + 1] = { NULL };
    struct found f;
    unsigned count = 0;

    for (unsigned i = 0; i < SETTINGS; i++)
        if (setting_is_wanted(&settings[i], config))
            load_module(&settings[i], said);
    if (!look(&f, said, err) || !choose(config, out, memory, said, err))
        return false;
    out->generation = new_generation(f.generation, said);
    for (unsigned i = 0; i < NOTES; i++) {
        bool found = i < SETTINGS
                         ? setting_is_wanted(&settings[i], config) && setting_read(&settings[i]) == '0'
                         : out->kind == RULESET_IPTABLES && !f.mangle[i - SETTINGS];
        if (f.note[i] || found)
            notes[count++] = note_name(i);
    }
    struct text t = rules_text(memory);
    ruleset_nft_install(&t, config, out, out->generation, notes);
    if (!apply(nft_apply, "nftables", &t, err))
        return false;
    bool ok = set_settings(config, err) &&
              (out->kind == RULESET_IPTABLES ? install_iptables(config, out, &f, memory, err)
                                             : remove_iptables(&f, memory, err));
    if (!ok) {
        struct imw_error_info ignored; /* why it failed is told */
        (void)ruleset_clear(&ignored);
    }
    return ok;
}

bool ruleset_install(const struct ruleset_config *config, struct ruleset_info *out,
                     struct imw_error_info *err)
{
    char *memory = malloc(RULESET_TEXT_BYTES), *said = malloc(OUTPUT_BYTES);

    *out = (struct ruleset_info){ .kind = RULESET_AUTO };
    bool ok = memory != NULL && said != NULL
                  ? ruleset_check(config, err) && install(config, out, memory, said, err)
                  : error_set(err, IMW_ERROR_MEMORY, "no memory for rules");
    free(memory);
    free(said);
    return ok;
}

static bool change(const struct ruleset_config *config, const struct ruleset_info *info, unsigned generation,
                   char *memory, char said[OUTPUT_BYTES], struct imw_error_info *err)
{
    struct found f;

    if (!look(&f, said, err))
        return false;
    if (f.generation == 0)
        return error_set(err, IMW_ERROR_SYSTEM, "table inet imward was taken away by somebody: start anew");
    struct text t = rules_text(memory);
    ruleset_nft_switch(&t, config, info, f.generation, generation);
    if (!apply(nft_apply, "nftables", &t, err))
        return false;
    for (unsigned i = 0; i < FAMILIES && info->kind == RULESET_IPTABLES; i++) {
        if (access(families[i].proc, F_OK) != 0)
            continue;
        t = rules_text(memory);
        if (f.jumps[i] == 0)
            return error_set(err, IMW_ERROR_SYSTEM,
                             "the rule '-A FORWARD -j " RULESET_CHAIN
                             "' of table mangle was taken away by somebody: start anew");
        ruleset_iptables_switch(&t, config, generation);
        if (!apply(families[i].restore, "iptables", &t, err))
            return false;
    }
    return true;
}

bool ruleset_switch(const struct ruleset_config *config, const struct ruleset_info *info, unsigned generation,
                    struct imw_error_info *err)
{
    char *memory = malloc(RULESET_TEXT_BYTES), *said = malloc(OUTPUT_BYTES);
    bool ok;

    if (generation == 0 || generation > MARK_GENERATIONS)
        ok = error_set(err, IMW_ERROR_VALUE, "generation %u: 1 to %u are possible", generation,
                       MARK_GENERATIONS);
    else if (memory == NULL || said == NULL)
        ok = error_set(err, IMW_ERROR_MEMORY, "no memory for rules");
    else
        ok = change(config, info, generation, memory, said, err);
    free(memory);
    free(said);
    return ok;
}

/* A table mangle that was not there before us, where nobody put anything into it since. */
static void remove_mangle(unsigned family, char *memory, char said[OUTPUT_BYTES])
{
    struct text t = rules_text(memory);
    struct view rest, line;

    if (run(families[family].save, NULL, false, said) != 0)
        return;
    for (rest = view_string(said); view_line(&rest, &line);)
        if (view_starts(line, VIEW("-A ")) ||
            (view_starts(line, VIEW(":")) && view_find(line, VIEW(" ACCEPT ")) == line.len))
            return;
    text_format(&t, "delete table %s mangle\n", families[family].name);
    (void)apply(nft_apply, "nftables", &t, NULL);
}

static bool take_down(char *memory, char said[OUTPUT_BYTES], struct imw_error_info *err)
{
    struct text t = rules_text(memory);
    struct found f;

    if (!look(&f, said, err))
        return false;
    bool ok = remove_iptables(&f, memory, err);
    for (unsigned i = 0; i < FAMILIES; i++)
        if (f.note[SETTINGS + i] && f.mangle[i])
            remove_mangle(i, memory, said);
    for (unsigned i = 0; i < SETTINGS; i++)
        if (f.note[i])
            (void)setting_write(&settings[i], '0');
    if (f.table) {
        text_string(&t, "delete table inet imward\n");
        ok &= apply(nft_apply, "nftables", &t, err);
    }
    return ok;
}

bool ruleset_clear(struct imw_error_info *err)
{
    char *memory = malloc(RULESET_TEXT_BYTES), *said = malloc(OUTPUT_BYTES);

    bool ok = memory != NULL && said != NULL ? take_down(memory, said, err)
                                             : error_set(err, IMW_ERROR_MEMORY, "no memory for rules");
    free(memory);
    free(said);
    return ok;
}
