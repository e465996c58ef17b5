/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz target of the text of documents, without the sandbox around it: the first byte says what kind, the
 * rest is the document. The text must be bounded by what came in. */
#include "content/document_text.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void count(void *context, struct view text)
{
    *(uint64_t *)context += text.len;
}

static void office(enum office_kind kind, struct view bytes, struct document_sink *sink)
{
    struct office_xml *x = office_xml_new(kind, sink);

    if (x == NULL)
        return;
    for (size_t at = 0; at < bytes.len; at += 64)
        if (!office_xml_more(x, view_slice(bytes, at, at + 64)))
            break;
    (void)office_xml_end(x);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint64_t written = 0;
    struct document_sink sink = { .put = count, .context = &written };

    if (size == 0)
        return 0;
    struct view rest = view_of(data + 1, size - 1);
    switch (data[0] % 5) {
    case 0: office(OFFICE_OOXML, rest, &sink); break;
    case 1: office(OFFICE_ODF, rest, &sink); break;
    case 2: document_html(rest, &sink); break;
    case 3: document_rtf(rest, &sink); break;
    default: document_plain(rest, &sink); break;
    }
    if (written > 16 * (uint64_t)size + 64)
        abort();
    return 0;
}
