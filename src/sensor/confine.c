/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sensor's own sandbox: which files the options make necessary, and no others. Folders rather than files
 * where a file may be replaced by another of its name.
 */
#include "sensor/confine.h"
#include "base/log.h"
#include "base/text.h"
#include <pwd.h>
#include <stdlib.h>
#include <unistd.h>

enum { PATHS_MAX = 256, PATH_BYTES = 1024 };

struct path_list {
    struct sandbox_path paths[PATHS_MAX];
    unsigned count;
    bool full; /* one more, or a longer one, is needed */
    char folders[PATHS_MAX][PATH_BYTES];
};

static void add_path(struct path_list *l, const char *path, size_t len, bool write)
{
    if (len == 0)
        return;
    for (unsigned i = 0; i < l->count; i++) /* lists of files mostly lie in one folder */
        if (l->paths[i].write == write && view_equal(view_string(l->folders[i]), view_of(path, len)))
            return;
    if (len >= PATH_BYTES || l->count == PATHS_MAX) {
        l->full = true;
        return;
    }
    memcpy(l->folders[l->count], path, len);
    l->folders[l->count][len] = '\0';
    l->paths[l->count] = (struct sandbox_path){ l->folders[l->count], write };
    l->count++;
}

/* The folder of a file, since files are replaced by others of their name. */
static void add_folder_of(struct path_list *l, const char *path, bool write)
{
    const char *slash = path != NULL ? strrchr(path, '/') : NULL;

    if (path == NULL)
        return;
    if (slash == NULL)
        add_path(l, ".", 1, write);
    else
        add_path(l, path, slash > path ? (size_t)(slash - path) : 1, write);
}

/* "file:PATH", "unix:PATH", "PATH": its folder, to write. "syslog:...?ca=FILE&...",
 * "collector:…,bundle=FILE": the files, to read. */
static void add_output(struct path_list *l, const char *spec)
{
    struct view v = view_string(spec);

    if (view_starts(v, VIEW("syslog:"))) {
        for (const char *at = strstr(spec, "=/"); at != NULL; at = strstr(at + 1, "=/"))
            add_path(l, at + 1, strcspn(at + 1, "&"), false);
        return;
    }
    if (view_starts(v, VIEW("collector:"))) { /* a bundle that is renewed replaces the one before */
        struct view path = view_slice(v, view_find(v, VIEW("bundle=")) + 7, v.len);
        char file[PATH_BYTES];
        struct text t = TEXT(file);
        text_add(&t, view_token(&path, ','));
        add_folder_of(l, file, false);
        return;
    }
    add_folder_of(l, view_starts(v, VIEW("file:")) || view_starts(v, VIEW("unix:")) ? spec + 5 : spec, true);
}

static void note_user(struct sandbox_status *out)
{
    const struct passwd *p = getpwuid(geteuid());
    struct text t = TEXT(out->user);

    if (p != NULL)
        text_string(&t, p->pw_name);
    else
        text_format(&t, "%u", (unsigned)geteuid());
    out->capabilities = sandbox_capabilities();
}

/* Where files under way are kept, and what the policy's sections on content name. */
static void add_content(struct path_list *l, const struct sensor_config *c,
                        const struct carried_content *content)
{
    struct content_settings usual;
    const struct content_settings *s = carried_settings(content, &usual);
    const struct string_list read[] = { s->scan.yara, s->scan.hashes, s->scan.media_hashes,
                                        s->leaks.keywords };
    const char *temporary = getenv("TMPDIR");

    if (temporary == NULL || temporary[0] == '\0')
        temporary = "/tmp"; /* as spool_new() */
    if (c->spool != NULL)
        add_path(l, c->spool, strlen(c->spool), true);
    else
        add_path(l, temporary, strlen(temporary), true);
    for (size_t i = 0; i < sizeof read / sizeof read[0]; i++)
        for (unsigned n = 0; n < read[i].count; n++)
            add_folder_of(l, read[i].at[n], false);
    add_folder_of(l, s->leaks.exact, false);
    for (unsigned n = 0; n < s->scan.clamd.count; n++)
        if (view_starts(view_string(s->scan.clamd.at[n]), VIEW("unix:")))
            add_folder_of(l, s->scan.clamd.at[n] + 5, false);
    if (s->vault.path != NULL)
        add_path(l, s->vault.path, strlen(s->vault.path), true);
    add_folder_of(l, s->vault.key, false);
    const struct detector_settings *detectors =
        content->settings != NULL ? policy_detectors(content->settings->policy) : NULL;
    for (unsigned i = 0; detectors != NULL && i < threats_detector_count(); i++)
        for (unsigned n = 0; n < DETECTOR_LISTS; n++)
            add_folder_of(l, detectors[i].path[n], false);
}

bool confine(const struct sensor_config *c, const struct carried_content *content, struct sandbox_status *out,
             struct imw_error_info *err)
{
    static const char *const read[] = { "/etc",         "/usr",         "/lib",
                                        "/lib64",       "/proc/self",   "/dev/null",
                                        "/dev/urandom", "/run/systemd", "/run/resolvconf" };
    struct path_list *l = calloc(1, sizeof *l);
    int landlock = 0;

    note_user(out);
    if (!c->sandbox) {
        free(l);
        log_warning("sandbox", "off, as --no-sandbox asks: for finding faults only");
        return true;
    }
    if (l == NULL)
        return error_set(err, IMW_ERROR_MEMORY, "no memory for the sandbox");
    for (size_t i = 0; i < sizeof read / sizeof read[0]; i++)
        add_path(l, read[i], strlen(read[i]), false);
    if (c->catalog != NULL)
        add_path(l, c->catalog, strlen(c->catalog), false);
    add_folder_of(l, c->catalog, false);
    add_folder_of(l, c->overrides, false);
    add_folder_of(l, c->policy, false);
    add_folder_of(l, c->who, false);
    add_folder_of(l, c->radius_secrets, false);
    add_folder_of(l, c->control, true);
    add_content(l, c, content);
    for (unsigned i = 0; i < c->output_count; i++)
        if (strcmp(c->outputs[i], "-") != 0)
            add_output(l, c->outputs[i]);
    if (l->full) {
        free(l);
        return error_set(
            err, IMW_ERROR_LIMIT,
            "options and policy name more than %d folders, or one of more than %d bytes: the sandbox "
            "would keep the sensor out of it; put the files into fewer folders",
            PATHS_MAX, PATH_BYTES - 1);
    }
    bool ok = sandbox_paths(l->paths, l->count, &landlock, err) && sandbox_calls(ROLE_SENSOR, err);
    free(l);
    out->seccomp = ok;
    out->landlock = (uint32_t)landlock;
    if (ok)
        log_notice("sandbox", "user=%s seccomp=on landlock=%d%s", out->user, landlock,
                   landlock == 0 ? ": this kernel has none, files are guarded by their permissions alone"
                                 : "");
    return ok;
}
