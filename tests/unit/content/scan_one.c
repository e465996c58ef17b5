/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Scans files as the program does, for tests/check/scan: scan_one [-h HASHES] [-y RULES] [-c CLAMD] FILE ...
 * prints a line for each: state, reason, by, signature, member, members, unpacked bytes, flags, milliseconds.
 */
#include "content/scan.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static int scan(struct scan_worker *w, struct spool *s, const char *path)
{
    static uint8_t block[64 << 10];
    struct spool_file *f = spool_open(s);
    struct spool_facts facts;
    static struct scan_result r;
    uint8_t sha256[SHA256_BYTES];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    uint64_t at = 0;

    if (f == NULL || fd < 0)
        return 1;
    for (ssize_t n; (n = read(fd, block, sizeof block)) > 0; at += (uint64_t)n)
        (void)spool_write(f, at, view_of(block, (size_t)n));
    close(fd);
    spool_facts(f, 0, &facts);
    if (!spool_sha256(f, sha256))
        return 1;
    scan_file(w, f, &facts, view_string(path), sha256, &r);
    printf("%s\t%s\t%s\t%s\t%s\t%u\t%llu\t%s%s%s%s\t%u\n", scan_state_name(r.state),
           scan_reason_text(r.reason), r.by, r.signature, r.member, r.member_count,
           (unsigned long long)r.unpacked_bytes, r.archive ? "archive " : "", r.encrypted ? "encrypted " : "",
           r.executable ? "executable " : "", r.document ? "document " : "", r.took_ms);
    for (unsigned i = 0; i < r.member_count && i < SCAN_MEMBERS; i++)
        printf("\t%s\t%llu\t%s%s\n", r.members[i].name, (unsigned long long)r.members[i].size,
               r.members[i].encrypted ? "encrypted " : "", r.members[i].executable ? "executable " : "");
    spool_close(f);
    return fflush(stdout) != 0;
}

int main(int argc, char **argv)
{
    struct content_settings settings;
    struct scan_settings *set = &settings.scan;
    static const char *hashes, *rules, *clamd;
    struct imw_error_info err = { 0 };
    struct scanner *scanner = NULL;
    struct scan_worker *worker = NULL;
    struct spool *spool = NULL;
    int option, status = 0;

    settings_default(&settings);
    while ((option = getopt(argc, argv, "h:y:c:t:")) != -1)
        switch (option) {
        case 'h': hashes = optarg, set->hashes = (struct string_list){ &hashes, 1 }; break;
        case 'y': rules = optarg, set->yara = (struct string_list){ &rules, 1 }; break;
        case 'c': clamd = optarg, set->clamd = (struct string_list){ &clamd, 1 }; break;
        case 't': set->timeout_ms = (unsigned)strtoul(optarg, NULL, 10); break;
        default: return 2;
        }
    if (!spool_new(NULL, set->file_bytes, set->spool_bytes, &spool, &err) ||
        !scanner_new(set, &scanner, &err) || !scan_worker_new(scanner, &worker, &err)) {
        char text[512];
        fprintf(stderr, "%s\n", error_format(&err, text, sizeof text));
        status = 1;
    }
    for (int i = optind; i < argc && status == 0; i++)
        status = scan(worker, spool, argv[i]);
    scan_worker_free(worker);
    scanner_free(scanner);
    spool_free(spool);
    return status;
}
