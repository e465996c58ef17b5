/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target of the capture formats: the input is a file. It is read twice, mapped and as a stream (a pipe,
 * of up to its capacity), which must give the same frames and the same end.
 */
#include "packet/packet.h"
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PIPE_BYTES = 60000, FRAME_LIMIT = 1 << 16 };

struct result {
    bool opened, failed;
    uint64_t frames, sum;
};

static struct result read_all(int fd)
{
    struct result r = { 0 };
    struct capture *c;
    struct frame frames[16];
    struct imw_error_info err;
    char path[32];
    unsigned n;

    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    r.opened = capture_open(path, &c, &err);
    if (!r.opened)
        return r;
    while ((n = capture_read(c, frames, 16)) > 0 && r.frames < FRAME_LIMIT) {
        for (unsigned i = 0; i < n; i++) {
            r.frames++;
            r.sum = r.sum * 31 + frames[i].time_us + frames[i].wire_len + frames[i].link + frames[i].data.len;
            for (size_t k = 0; k < frames[i].data.len; k++)
                r.sum = r.sum * 31 + frames[i].data.at[k];
        }
    }
    r.failed = capture_failed(c, &err);
    capture_close(c);
    return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int fd = memfd_create("fuzz", 0), ends[2];
    size_t len = size < PIPE_BYTES ? size : PIPE_BYTES;

    if (fd < 0 || write(fd, data, len) != (ssize_t)len || pipe(ends) != 0 ||
        write(ends[1], data, len) != (ssize_t)len)
        abort();
    close(ends[1]);
    struct result file = read_all(fd), stream = read_all(ends[0]);
    if (file.opened != stream.opened || file.failed != stream.failed || file.frames != stream.frames ||
        file.sum != stream.sum)
        abort();
    close(fd);
    close(ends[0]);
    return 0;
}
