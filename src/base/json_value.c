/* SPDX-License-Identifier: Apache-2.0 */
/* How deep JSON is nested, told before anything is built of it. */
#include "base/json_value.h"

unsigned json_depth(struct view bytes, unsigned most)
{
    unsigned depth = 0, deepest = 0;
    bool in_text = false;

    for (size_t i = 0; i < bytes.len && deepest < most; i++) {
        uint8_t c = bytes.at[i];
        if (in_text) {
            i += c == '\\';
            in_text = c != '"';
        } else if (c == '"') {
            in_text = true;
        } else if (c == '{' || c == '[') {
            depth++;
            deepest = depth > deepest ? depth : deepest;
        } else if ((c == '}' || c == ']') && depth > 0) {
            depth--;
        }
    }
    return deepest;
}
