/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The words of imward that reach events, the catalog and the policy: each set is one table. Numbers reach
 * files and are never reused.
 */
#pragma once
#include "base/view.h"

/* A person's or a program's doing on an IM service. */
#define ACTIVITIES(X)                                                                                        \
    X(LOOKUP, 0, "lookup", "a DNS look-up of a name of the service")                                         \
    X(LOGIN, 1, "login", "signing in, registering, connecting to the service")                               \
    X(PRESENCE, 2, "presence", "status, buddy list, typing, keep-alive")                                     \
    X(CHAT, 3, "chat", "messages")                                                                           \
    X(FILE, 4, "file", "a file or picture offered, sent or fetched")                                         \
    X(CALL, 5, "call", "voice or video")

/* How a message reaches the other side. */
#define DELIVERIES(X)                                                                                        \
    X(UNKNOWN, 0, "unknown", "not told by what was seen")                                                    \
    X(SERVER_PROXY, 1, "server-proxy", "through the vendor's server")                                        \
    X(SERVER_BROKER, 2, "server-broker", "the server only introduces the users, who then talk directly")     \
    X(PEER, 3, "peer", "the direct leg itself")

#define SERVICE_CLASSES(X)                                                                                   \
    X(IM, 0, "im", "public instant messaging")                                                               \
    X(SOCIAL, 1, "social", "social network with messages")                                                   \
    X(WORKPLACE, 2, "workplace", "workplace chat")                                                           \
    X(MEETING, 3, "meeting", "meetings, voice and video")                                                    \
    X(VOICE_CHAT, 4, "voice-chat", "voice chat of communities and games")

/* What a server name or address of a service is for. */
#define SERVER_ROLES(X)                                                                                      \
    X(ANY, 0, "any", "not known more closely")                                                               \
    X(LOGIN, 1, "login", "sign-in, registration, discovery")                                                 \
    X(CHAT, 2, "chat", "messages and presence")                                                              \
    X(MEDIA, 3, "media", "files, pictures, voice notes")                                                     \
    X(CALL, 4, "call", "voice and video")                                                                    \
    X(WEB, 5, "web", "web site, downloads, help: not the messaging itself")

/* Why a flow was given its service; confidence is what the kind is worth where a parser does not say
 * otherwise. */
#define EVIDENCE_KINDS(X)                                                                                    \
    X(PAYLOAD, 0, "payload", 100, "the protocol itself was spoken")                                          \
    X(SNI, 1, "sni", 100, "server name in a TLS or DTLS ClientHello")                                        \
    X(QUIC_SNI, 2, "quic-sni", 100, "server name in a QUIC Initial")                                         \
    X(CERTIFICATE, 3, "certificate", 95, "name in the server's certificate")                                 \
    X(HTTP_HOST, 4, "http-host", 100, "host of an HTTP request")                                             \
    X(HTTP_PATH, 5, "http-path", 90, "path of an HTTP request that only this service uses")                  \
    X(HTTP_AGENT, 6, "http-agent", 90, "user agent that only this service's clients send")                   \
    X(TUNNEL_TARGET, 7, "tunnel-target", 100, "name asked of a proxy (CONNECT, SOCKS)")                      \
    X(DNS_QUERY, 8, "dns", 100, "name looked up")                                                            \
    X(STUN, 9, "stun", 95, "STUN attribute that only this service uses")                                     \
    X(DNS_ADDRESS, 10, "dns-address", 85, "address that a DNS answer gave for a name of the service")        \
    X(RANGE, 11, "range", 80, "address range that the vendor publishes or owns and uses for this only")      \
    X(SHARED_RANGE, 12, "shared-range", 65,                                                                  \
      "address range of the vendor that others use too: only for a call seen in the bytes of the flow")      \
    X(EXPECTED, 13, "expected", 95, "direct leg announced by a signalling protocol")                         \
    X(FINGERPRINT, 15, "fingerprint", 60, "TLS fingerprint unique to the service's clients")                 \
    X(NEIGHBOUR, 17, "neighbour", 70, "the same client, port and server as a flow that is proved")

/* Ways of hiding what is used; reported as hints, never as proof. */
#define HINTS(X)                                                                                             \
    X(DOH, 0, "doh", "DNS over HTTPS")                                                                       \
    X(DOT, 1, "dot", "DNS over TLS")                                                                         \
    X(DOQ, 2, "doq", "DNS over QUIC")                                                                        \
    X(ECH, 3, "ech", "encrypted ClientHello: the server name is hidden")                                     \
    X(ESNI, 4, "esni", "encrypted server name, the draft before ECH")                                        \
    X(NO_SNI, 5, "no-sni", "TLS without a server name to an address")                                        \
    X(PROXY, 6, "proxy", "traffic inside a proxy (SOCKS, CONNECT)")                                          \
    X(FRONTING, 8, "fronting", "TLS server name and HTTP host differ: domain fronting")

/* What a well-behaved program or an undisturbed network does not do. */
#define ANOMALIES(X)                                                                                         \
    X(MALFORMED, 0, "malformed", "a message that breaks the rules of its protocol")                          \
    X(OVERLONG, 1, "overlong", "a message or field longer than its protocol allows")                         \
    X(TCP_CONFLICT, 2, "tcp-conflict", "TCP bytes sent twice with other content")                            \
    X(SEQUENCE_JUMP, 3, "sequence-jump", "a TCP segment far outside the window")                             \
    X(TTL_CHANGE, 4, "ttl-change", "packets of one side suddenly came over another number of hops")          \
    X(RESET_IGNORED, 5, "reset-ignored", "a side went on after it had reset the connection")

/* How text is marked up. */
#define MARKUPS(X)                                                                                           \
    X(NONE, 0, "none") X(HTML, 1, "html") X(RTF, 2, "rtf") X(YAHOO, 3, "yahoo") X(IRC, 4, "irc")

/* What a buddy list says of somebody. */
#define PRESENCES(X)                                                                                         \
    X(UNKNOWN, 0, "unknown")                                                                                 \
    X(OFFLINE, 1, "offline") X(ONLINE, 2, "online") X(AWAY, 3, "away") X(BUSY, 4, "busy")

/*
 * What is spoken on the wire. `app_proto` of an event is the outermost of them that was found, `protocol` the
 * IM's own.
 */
/* clang-format off: one a line */
#define PROTOCOLS(X)                                                                                         \
    X(UNKNOWN, 0, "unknown")                                                                                 \
    X(TLS, 1, "tls")                                                                                         \
    X(DTLS, 2, "dtls")                                                                                       \
    X(QUIC, 3, "quic")                                                                                       \
    X(HTTP, 4, "http")                                                                                       \
    X(HTTP2, 5, "http2")                                                                                     \
    X(WEBSOCKET, 6, "websocket")                                                                             \
    X(SOCKS, 7, "socks")                                                                                     \
    X(DNS, 8, "dns")                                                                                         \
    X(STUN, 9, "stun")                                                                                       \
    X(RTP, 10, "rtp")                                                                                        \
    X(SSH, 11, "ssh")                                                                                        \
    X(SMTP, 12, "smtp")                                                                                      \
    X(FTP, 13, "ftp")                                                                                        \
    X(DHCP, 14, "dhcp")                                                                                      \
    X(SIP, 15, "sip")                                                                                        \
    X(OSCAR, 20, "oscar")                                                                                    \
    X(MSNP, 21, "msnp")                                                                                      \
    X(YMSG, 22, "ymsg")                                                                                      \
    X(IRC, 23, "irc")                                                                                        \
    X(XMPP, 24, "xmpp")                                                                                      \
    X(GADU_GADU, 25, "gadu-gadu")                                                                            \
    X(OICQ, 26, "oicq")                                                                                      \
    X(MRIM, 27, "mrim")                                                                                      \
    X(NATEON, 28, "nateon")                                                                                  \
    X(SIMPLE, 29, "simple")                                                                                  \
    X(ZEPHYR, 30, "zephyr")                                                                                  \
    X(GROUPWISE, 31, "groupwise")                                                                            \
    X(TOX, 32, "tox")                                                                                        \
    X(OFT, 33, "oft")                                                                                        \
    X(ODC, 34, "odc")                                                                                        \
    X(MSNFTP, 35, "msnftp")                                                                                  \
    X(MSNSLP, 36, "msnslp")                                                                                  \
    X(YMSG_PEER, 37, "ymsg-peer")                                                                            \
    X(DCC, 38, "dcc")                                                                                        \
    X(XMPP_BYTESTREAM, 39, "xmpp-bytestream")                                                                \
    X(MTPROTO, 40, "mtproto")                                                                                \
    X(WHATSAPP_NOISE, 41, "whatsapp-noise")                                                                  \
    X(MMTLS, 42, "mmtls")                                                                                    \
    X(LINE_CALL, 43, "line-call")                                                                            \
    X(VIBER, 44, "viber")                                                                                    \
    X(LOCO, 45, "loco")                                                                                      \
    X(THREEMA, 46, "threema")                                                                                \
    X(DISCORD_VOICE, 47, "discord-voice")                                                                    \
    X(IMO, 48, "imo")                                                                                        \
    X(DINGTALK, 49, "dingtalk")                                                                              \
    X(TEAMSPEAK, 50, "teamspeak")                                                                            \
    X(MUMBLE, 51, "mumble")                                                                                  \
    X(ZOOM_MEDIA, 52, "zoom-media")                                                                          \
    X(TEAMS_MEDIA, 53, "teams-media")                                                                        \
    X(TELEGRAM_CALL, 54, "telegram-call")                                                                    \
    X(WHATSAPP_CALL, 55, "whatsapp-call")                                                                    \
    X(SNAPCHAT_CALL, 56, "snapchat-call")                                                                    \
    X(KAKAO_CALL, 57, "kakao-call")                                                                          \
    X(SIGNAL_CALL, 58, "signal-call")                                                                        \
    X(MATRIX, 59, "matrix")                                                                                  \
    X(MQTT, 60, "mqtt")                                                                                      \
    X(APNS, 61, "apns")                                                                                      \
    X(SKYPE, 62, "skype")                                                                                    \
    X(TURN_CHANNEL, 63, "turn-channel")                                                                      \
    X(MSRP, 64, "msrp")                                                                                      \
    X(BBM, 65, "bbm")                                                                                        \
    X(WIRE_CALL, 66, "wire-call")                                                                            \
    X(MEET_MEDIA, 67, "meet-media")                                                                          \
    X(WEBEX_MEDIA, 68, "webex-media")                                                                        \
    X(POP3, 80, "pop3")                                                                                      \
    X(IMAP, 81, "imap")                                                                                      \
    X(NNTP, 82, "nntp")                                                                                      \
    X(TELNET, 83, "telnet")                                                                                  \
    X(RTSP, 84, "rtsp")                                                                                      \
    X(RDP, 85, "rdp")                                                                                        \
    X(SMB, 86, "smb")                                                                                        \
    X(LDAP, 87, "ldap")                                                                                      \
    X(POSTGRES, 88, "postgres")                                                                              \
    X(MYSQL, 89, "mysql")                                                                                    \
    X(REDIS, 90, "redis")                                                                                    \
    X(VNC, 91, "vnc")                                                                                        \
    X(BITTORRENT, 92, "bittorrent")                                                                          \
    X(AMQP, 93, "amqp")                                                                                      \
    X(KERBEROS, 94, "kerberos")                                                                              \
    X(DHCPV6, 95, "dhcpv6")
/* clang-format on */

/* How it was learnt who is at an address, the most trusted last: number, name */
#define WHO_SOURCES(X)                                                                                       \
    X(NONE, 0, "none")                                                                                       \
    X(NETBIOS, 1, "netbios")                                                                                 \
    X(MDNS, 2, "mdns")                                                                                       \
    X(DHCP, 3, "dhcp")                                                                                       \
    X(DHCPV6, 4, "dhcpv6")                                                                                   \
    X(KERBEROS, 5, "kerberos")                                                                               \
    X(RADIUS, 6, "radius")                                                                                   \
    X(PUSH, 7, "push")                                                                                       \
    X(FILE, 8, "file")

#define X(id, number, ...) ACTIVITY_##id = number,
enum activity { ACTIVITIES(X) ACTIVITY_COUNT };
#undef X
#define X(id, number, ...) DELIVERY_##id = number,
enum delivery { DELIVERIES(X) DELIVERY_COUNT };
#undef X
#define X(id, number, ...) CLASS_##id = number,
enum service_class { SERVICE_CLASSES(X) CLASS_COUNT };
#undef X
#define X(id, number, ...) ROLE_##id = number,
enum server_role { SERVER_ROLES(X) SERVER_ROLE_COUNT };
#undef X
#define X(id, number, ...) EVIDENCE_##id = number,
enum evidence_kind { EVIDENCE_KINDS(X) EVIDENCE_COUNT };
#undef X
#define X(id, number, ...) HINT_##id = number,
enum hint { HINTS(X) HINT_COUNT };
#undef X
#define X(id, number, ...) ANOMALY_##id = number,
enum anomaly { ANOMALIES(X) ANOMALY_COUNT };
#undef X
#define X(id, number, ...) MARKUP_##id = number,
enum markup { MARKUPS(X) MARKUP_COUNT };
#undef X
#define X(id, number, ...) PRESENCE_##id = number,
enum presence { PRESENCES(X) PRESENCE_COUNT };
#undef X
#define X(id, number, ...) PROTOCOL_##id = number,
enum protocol { PROTOCOLS(X) PROTOCOL_COUNT };
#undef X

#define X(id, number, ...) WHO_##id = number,
enum who_source { WHO_SOURCES(X) WHO_SOURCE_COUNT };
#undef X

const char *activity_name(enum activity a);
const char *delivery_name(enum delivery d);
const char *class_name(enum service_class c);
const char *server_role_name(enum server_role r);
const char *evidence_name(enum evidence_kind k);
unsigned evidence_worth(enum evidence_kind k); /* confidence, 1 to 100 */
const char *hint_name(enum hint h);
const char *anomaly_name(enum anomaly a);
const char *markup_name(enum markup m);
const char *presence_name(enum presence p);
const char *protocol_name(enum protocol p);
const char *who_source_name(enum who_source s);

/* All of a kind, in the order of their tables, NULL behind the last: for the nearest to what somebody wrote.
 */
extern const char *const activity_words[],
    *const delivery_words[], *const class_words[], *const role_words[], *const protocol_words[];

/* The number of a word, or -1. */
int activity_find(struct view name);
int delivery_find(struct view name);
int class_find(struct view name);
int role_find(struct view name);
int protocol_find(struct view name);
