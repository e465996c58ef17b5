/* SPDX-License-Identifier: Apache-2.0 */
/* The parsers of documents, for the sandboxed child only (and for fuzzing). */
#pragma once
#include "content/document.h"

/* Where text goes; `stop` once nobody wants more. */
struct document_sink {
    void (*put)(void *context, struct view text);
    void *context;
    const char *why; /* of a failure; set by the parsers */
    uint64_t unpacked, most_unpacked;
    bool last_was_break;
};

/* `fd` is at its beginning, and may be moved. */
enum document_answer document_extract(int fd, const char *media_type, struct document_sink *out);

/* The parts of it. Office text is what stands in an XML member of docx, xlsx, pptx, odt and the like. */
enum office_kind { OFFICE_OOXML, OFFICE_ODF };
struct office_xml;
struct office_xml *office_xml_new(enum office_kind kind, struct document_sink *out);
bool office_xml_more(struct office_xml *x, struct view bytes); /* false: not XML, or it has a DTD */
bool office_xml_end(struct office_xml *x);                     /* frees it */

void document_html(struct view bytes, struct document_sink *out);
void document_rtf(struct view bytes, struct document_sink *out);
void document_plain(struct view bytes, struct document_sink *out);
