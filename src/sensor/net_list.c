/* SPDX-License-Identifier: Apache-2.0 */
/* Entries sorted by length of prefix, the longest first, then by address: a look-up is a binary search for
 * each length that occurs. */
#include "sensor/net_list.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct entry {
    struct ip_addr net; /* bits behind the prefix are zero */
    unsigned bits, line;
    struct view words;
};

struct net_list {
    size_t count, room, text_len;
    struct entry *entries;
    char *text;
};

static struct ip_addr masked(const struct ip_addr *addr, unsigned bits)
{
    struct ip_addr net = *addr;

    for (unsigned i = 0; i < sizeof net.octet; i++) {
        unsigned left = bits > i * 8 ? bits - i * 8 : 0;
        if (left < 8)
            net.octet[i] = (uint8_t)(net.octet[i] & ~(0xffu >> left));
    }
    return net;
}

static int order(const void *one, const void *other)
{
    const struct entry *a = one, *b = other;

    if (a->bits != b->bits)
        return a->bits > b->bits ? -1 : 1;
    return memcmp(a->net.octet, b->net.octet, sizeof a->net.octet);
}

static bool fail(struct imw_error_info *err, const char *name, unsigned line, const char *why)
{
    error_file(err, IMW_ERROR_FORMAT, name, "%s", why);
    if (err != NULL)
        err->line = line;
    return false;
}

static struct view without_comment(struct view line)
{
    for (size_t i = 0; i < line.len; i++)
        if (line.at[i] == '#' && (i == 0 || line.at[i - 1] == ' ' || line.at[i - 1] == '\t'))
            return view_trim(view_slice(line, 0, i));
    return view_trim(line);
}

static bool add(struct net_list *l, const struct entry *e)
{
    if (l->count == l->room) {
        size_t room = l->room > 0 ? l->room * 2 : 64;
        struct entry *bigger = realloc(l->entries, room * sizeof *bigger);
        if (bigger == NULL)
            return false;
        l->entries = bigger;
        l->room = room;
    }
    l->entries[l->count++] = *e;
    return true;
}

static bool read_line(struct net_list *l, const char *name, struct view line, unsigned number,
                      net_list_check *check, struct imw_error_info *err)
{
    struct entry e = { .line = number };
    const char *why = NULL;
    size_t i = 0;

    line = without_comment(line);
    if (line.len == 0)
        return true;
    while (i < line.len && line.at[i] != ' ' && line.at[i] != '\t')
        i++;
    if (!ip_parse_network(view_slice(line, 0, i), &e.net, &e.bits))
        return fail(err, name, number,
                    "a line begins with an address or network, as 10.0.0.0/8 or 2001:db8::7");
    e.net = masked(&e.net, e.bits);
    e.words = view_trim(view_from(line, i));
    if (!check(e.words, &why))
        return fail(err, name, number, why);
    if (l->count == NET_LIST_LINES)
        return fail(err, name, number, "more lines than the limit of 1,048,576");
    return add(l, &e) || error_memory(err);
}

/* Read l->text. */
static bool read_lines(struct net_list *l, const char *name, net_list_check *check,
                       struct imw_error_info *err)
{
    struct view rest = view_of(l->text, l->text_len);

    for (unsigned number = 1; rest.len > 0; number++)
        if (!read_line(l, name, view_token(&rest, '\n'), number, check, err))
            return false;
    if (l->count > 0)
        qsort(l->entries, l->count, sizeof l->entries[0], order);
    for (size_t i = 1; i < l->count; i++) {
        const struct entry *a = &l->entries[i - 1], *b = &l->entries[i];
        if (order(a, b) == 0)
            return fail(err, name, a->line > b->line ? a->line : b->line, "this address was there before");
    }
    return true;
}

static struct net_list *list_new(size_t text_len)
{
    struct net_list *l = calloc(1, sizeof *l);

    if (l == NULL || (l->text = malloc(text_len + 1)) == NULL) {
        free(l);
        return NULL;
    }
    l->text_len = text_len;
    return l;
}

bool net_list_parse(const char *name, struct view text, net_list_check *check, struct net_list **out,
                    struct imw_error_info *err)
{
    struct net_list *l = list_new(text.len);

    if (l == NULL)
        return error_memory(err);
    if (text.len > 0)
        memcpy(l->text, text.at, text.len);
    if (!read_lines(l, name, check, err)) {
        net_list_free(l);
        return false;
    }
    *out = l;
    return true;
}

/* The bytes of a file into a new list. */
static bool read_file(int fd, const char *path, bool secret, struct net_list **out,
                      struct imw_error_info *err)
{
    struct stat s;
    size_t got = 0;

    if (fstat(fd, &s) != 0)
        return error_errno(err, path);
    if (!S_ISREG(s.st_mode))
        return error_file(err, IMW_ERROR_FORMAT, path, "not a file");
    if (secret && (s.st_mode & (S_IROTH | S_IWOTH)) != 0)
        return error_file(err, IMW_ERROR_TRUST, path, "holds secrets and is open to everybody: chmod 640 it");
    if (s.st_size > NET_LIST_BYTES)
        return error_file(err, IMW_ERROR_LIMIT, path, "longer than 64 MiB");
    struct net_list *l = list_new((size_t)s.st_size);
    if (l == NULL)
        return error_memory(err);
    while (got < l->text_len) {
        ssize_t n = read(fd, l->text + got, l->text_len - got);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            error_errno(err, path);
            net_list_free(l);
            return false;
        }
        if (n == 0)
            break;
        got += (size_t)n;
    }
    l->text_len = got;
    *out = l;
    return true;
}

bool net_list_load(const char *path, bool secret, net_list_check *check, struct net_list **out,
                   struct imw_error_info *err)
{
    struct net_list *l = NULL;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    if (fd < 0)
        return error_errno(err, path);
    bool ok = read_file(fd, path, secret, &l, err) && read_lines(l, path, check, err);
    close(fd);
    if (!ok) {
        net_list_free(l);
        return false;
    }
    *out = l;
    return true;
}

void net_list_free(struct net_list *l)
{
    if (l == NULL)
        return;
    explicit_bzero(l->text, l->text_len); /* there may be secrets in it */
    free(l->text);
    free(l->entries);
    free(l);
}

bool net_list_find(const struct net_list *l, const struct ip_addr *addr, struct view *out_words)
{
    size_t from = 0;

    while (from < l->count) {
        struct entry want = { .bits = l->entries[from].bits };
        want.net = masked(addr, want.bits);
        size_t low = from, high = l->count; /* the first that does not come before `want` */
        while (low < high) {
            size_t middle = low + (high - low) / 2;
            if (order(&l->entries[middle], &want) < 0)
                low = middle + 1;
            else
                high = middle;
        }
        if (low < l->count && order(&l->entries[low], &want) == 0) {
            *out_words = l->entries[low].words;
            return true;
        }
        high = l->count;
        for (from = low; from < high;) { /* behind the last of this length */
            size_t middle = from + (high - from) / 2;
            if (l->entries[middle].bits == want.bits)
                from = middle + 1;
            else
                high = middle;
        }
    }
    return false;
}

size_t net_list_count(const struct net_list *l)
{
    return l->count;
}
