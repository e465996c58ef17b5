/* SPDX-License-Identifier: Apache-2.0 */
/* The certificate of the console: the one that was brought (--cert, --key), or our own. */
#pragma once
#include "console/serve.h"

enum { CERTIFICATE_PATH = 512, CERTIFICATE_DAYS = 825, CERTIFICATE_RENEW_DAYS = 30 };

/* Where certificate and key lie. */
void certificate_paths(const struct console_config *config, char cert[CERTIFICATE_PATH],
                       char key[CERTIFICATE_PATH]);
void certificate_folder(const char *path, char out[CERTIFICATE_PATH]);
/* Make our own, where none was brought and there is none, or it ends soon: P-256, self-signed, for this
 * host's names and addresses. */
bool certificate_ensure(const struct console_config *config, struct imw_error_info *err) IMW_MUST_USE;
/* "AB:CD:…", the SHA-256 of the certificate, by which people recognise it at the first visit. */
bool certificate_fingerprint(const struct console_config *config, char out[96]);
