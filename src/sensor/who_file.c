/* SPDX-License-Identifier: Apache-2.0 */
/* The words user=NAME and host=NAME behind an address, in either order; each once at most, one at least. */
#include "sensor/who_file.h"
#include "sensor/net_list.h"
#include <stdlib.h>

struct who_file {
    struct net_list *list;
    uint64_t loaded_us;
};

struct who_words {
    struct view user, host;
};

static bool read_words(struct view words, struct who_words *out, const char **out_why)
{
    *out = (struct who_words){ view_of(NULL, 0), view_of(NULL, 0) };
    while ((words = view_trim(words)).len > 0) {
        size_t end = 0;
        while (end < words.len && words.at[end] != ' ' && words.at[end] != '\t')
            end++;
        struct view word = view_slice(words, 0, end);
        bool user = view_starts(word, VIEW("user=")), host = view_starts(word, VIEW("host="));
        struct view *name = user ? &out->user : &out->host;
        *out_why = !user && !host  ? "behind the address stand user=NAME, host=NAME or both"
                   : name->len > 0 ? "user= and host= may each stand there once"
                   : word.len == 5 ? "a name is missing behind user= or host="
                                   : NULL;
        if (*out_why != NULL)
            return false;
        *name = view_from(word, 5);
        words = view_from(words, end);
    }
    *out_why = "behind the address stand user=NAME, host=NAME or both";
    return out->user.len > 0 || out->host.len > 0;
}

static bool check(struct view words, const char **out_why)
{
    struct who_words w;

    return read_words(words, &w, out_why);
}

static bool wrap(struct net_list *list, uint64_t now_us, struct who_file **out, struct imw_error_info *err)
{
    struct who_file *f = calloc(1, sizeof *f);

    if (f == NULL) {
        net_list_free(list);
        return error_memory(err);
    }
    f->list = list;
    f->loaded_us = now_us;
    *out = f;
    return true;
}

bool who_file_load(const char *path, uint64_t now_us, struct who_file **out, struct imw_error_info *err)
{
    struct net_list *list;

    return net_list_load(path, false, check, &list, err) && wrap(list, now_us, out, err);
}

bool who_file_parse(const char *name, struct view text, uint64_t now_us, struct who_file **out,
                    struct imw_error_info *err)
{
    struct net_list *list;

    return net_list_parse(name, text, check, &list, err) && wrap(list, now_us, out, err);
}

void who_file_free(struct who_file *f)
{
    if (f == NULL)
        return;
    net_list_free(f->list);
    free(f);
}

bool who_file_tell(const struct who_file *f, const struct ip_addr *addr, struct known_who *known)
{
    struct who_words w;
    struct view words;
    const char *why;

    if (!net_list_find(f->list, addr, &words) || !read_words(words, &w, &why))
        return false;
    if (w.user.len > 0) {
        struct text t = TEXT(known->user);
        text_printable(&t, w.user);
        known->user_source = WHO_FILE;
        known->user_us = f->loaded_us;
    }
    if (w.host.len > 0) {
        struct text t = TEXT(known->host);
        text_printable(&t, w.host);
        known->host_source = WHO_FILE;
        known->host_us = f->loaded_us;
    }
    return true;
}

size_t who_file_lines(const struct who_file *f)
{
    return net_list_count(f->list);
}
