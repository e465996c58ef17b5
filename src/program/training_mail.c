/* SPDX-License-Identifier: Apache-2.0 */
/* What reminders of training say. */
#include "base/text.h"
#include "program/mail.h"
#include "program/training.h"
#include "program/when.h"

bool training_mail(struct act *a, const struct training_reminder *r, struct imw_error_info *err)
{
    char subject[MAIL_SUBJECT_BYTES], body[4096], key[128], due[WHEN_SIZE], link[512];
    struct text s = TEXT(subject), t = TEXT(body);
    const bool overdue = strcmp(r->state, "overdue") == 0;

    when_text(r->due_us, due);
    due[10] = '\0'; /* the day is enough */
    if (!mail_link(a->db, r->escalate ? "/training" : "/mine/training", link, sizeof link, err))
        return false;
    if (r->escalate) {
        text_format(&s, "Overdue in your team: %s", r->title);
        text_format(&t,
                    "%s was to take the course \"%s\" by %s and has not.\n\nPlease see to it that there is "
                    "time for it. It can be taken in parts, also on a phone.\n",
                    r->name, r->title, due);
    } else {
        text_format(&s, "%s: %s", overdue ? "Overdue" : r->number == 0 ? "A course for you" : "Reminder",
                    r->title);
        text_format(&t, "The course \"%s\" %s by %s.\n\n", r->title,
                    overdue ? "was to be taken" : "is to be taken", due);
        if (strcmp(r->reason, "incident") == 0)
            text_string(&t, "It is to be taken again because of an incident that you were part of. That is no "
                            "reproach: whoever has met an attack learns most from going through it again.\n");
        else if (strcmp(r->reason, "repeat") == 0)
            text_string(&t, "Your certificate comes to its end; the course renews it.\n");
        text_string(&t, "It ends with a short test, and can be taken in parts, also on a phone.\n");
    }
    if (link[0] != '\0')
        text_format(&t, "\n%s\n", link);
    snprintf(key, sizeof key, "training %lld %lld %lld %lld %s", (long long)r->course, (long long)r->person,
             (long long)r->due_us, (long long)r->number, r->escalate ? "manager" : r->state);
    const struct mail m = { .person = r->escalate ? r->manager : r->person,
                            .kind = r->escalate ? "training-escalation" : "training",
                            .key = key,
                            .subject = subject,
                            .text = body };
    return mail_add(a, &m, err);
}
