/* SPDX-License-Identifier: Apache-2.0 */
/* What incidents are called, and what to do first, by the detector that told of them or, where one detector
 * tells of several things, by the number of what it told. Detectors are those of threat/detectors.def, and
 * `enforcement` (what should have been stopped), `drill` and `manual`. */
#include "program/incident.h"

static const struct {
    const char *detector;
    unsigned signature_id; /* 0: all others of this detector */
    const char *title, *advice;
} words[] = {
    { "malware", 4101, "Archive that attacks its reader",
      "Do not open it. Find out who sent it and whether anybody did open it." },
    { "malware", 4102, "Virus scanner is away",
      "Start clamd, or correct the section scan of the policy: until then no file gets a verdict." },
    { "malware", 4103, "Virus signatures are out of date", "See why freshclam does not update them." },
    { "malware", 4104, "File that nobody could check",
      "See that the scanner works, and look at the file where it was kept." },
    { "malware", 0, "Infected file over instant messaging",
      "Isolate both machines, find out whether the file was opened, and tell the sender." },
    { "worm", 0, "Worm spreading over instant messaging",
      "Block the link or file, isolate the machines of the chain, and warn those who got it." },
    { "links", 0, "Dangerous link in a message",
      "Block the site, find out who followed the link, and look at their machines." },
    { "impersonation", 0, "Somebody pretends to be a person one knows",
      "Ask the person by another way; then block the account." },
    { "hijack", 0, "Conversation or account in strange hands",
      "Ask the user; change the password from a clean machine; look at who else is on that network." },
    { "flood", 0, "Flood of messages or sign-ins",
      "Find the program that does it, and stop it or block the account." },
    { "server", 0, "Messenger at an unusual server",
      "Find out what runs there and who put it there; block it where nobody knows." },
    { "port-agility", 0, "Messenger that looks for an open port",
      "Close the ports that nobody needs, and tell the user what the policy says." },
    { "evasion", 0, "Attempt to hide what is used",
      "Ask the user; look for a proxy or a tunnel on the machine." },
    { "file-names", 0, "Program in disguise sent as a file",
      "Do not open it; have it checked; find out who else got it." },
    { "spam", 0, "Unwanted mass messages",
      "Block the sender; if it is an account of ours, look at the machine." },
    { "volume", 0, "Unusual amount or time of use", "Ask the user; look at what else the machine did then." },
    { "media", 0, "Copyrighted or large media sent",
      "Ask what it was; remove copies of what may not be copied." },
    { "exposed", 0, "Machine open to a direct connection",
      "Close the port at the firewall; forbid direct connections in the policy." },
    { "leaks", 0, "Confidential data over instant messaging",
      "Ask the sender what it was and for whom, and follow the plan for loss of data." },
    { "enforcement", 0, "Should have been stopped and was not",
      "See why: the reason is in the event. Until it is mended, stop it at the firewall." },
    { "drill", 0, "Drill: what the policy blocks is not blocked",
      "See whether the gateway runs with the policy in force, and whether traffic goes around it." },
    { "manual", 0, "Incident", "Write down what is known, and who has to be told." },
};

static unsigned find(const char *detector, unsigned signature_id)
{
    unsigned count = sizeof words / sizeof words[0];

    for (unsigned i = 0; i < count; i++)
        if (strcmp(words[i].detector, detector) == 0 &&
            (words[i].signature_id == 0 || words[i].signature_id == signature_id))
            return i;
    return count - 1;
}

const char *incident_title(const char *detector, unsigned signature_id)
{
    return words[find(detector, signature_id)].title;
}

const char *incident_advice(const char *detector, unsigned signature_id)
{
    return words[find(detector, signature_id)].advice;
}
