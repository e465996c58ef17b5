/* SPDX-License-Identifier: Apache-2.0 */
/*
 * imward status: what a running sensor does, live on a terminal, as plain text or as JSON.
 *
 * The live view waits in one poll() for keys, signals (through a signalfd: no handlers) and the sensor's
 * answer, so a sensor that is busy or gone never makes it deaf. The terminal is given back as it was on every
 * way out, and while we are stopped with Ctrl-Z.
 */
#include "base/json_value.h"
#include "cli/cli.h"
#include "cli/status_rules.h"
#include "cli/status_view.h"
#include <errno.h>
#include <getopt.h>
#include <langinfo.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

static const char usage[] =
    "usage: imward status [option ...]\n"
    "\n"
    "What the running sensor does: traffic, drops by cause, flows, services, outputs. On a terminal a view\n"
    "that is renewed each second (keys: q quit, s sort services, p pause, ? help), else plain text, once.\n"
    "\n"
    "  -S, --socket PATH      the sensor's control socket (default: " CONTROL_PATH ")\n"
    "  -j, --json             one JSON object\n"
    "  -r, --rules            in place of all that, what each rule of the policy was good for\n"
    "      --dead             with --rules: only rules that judged nothing since the sensor started\n"
    "  -1, --once             plain text once, on a terminal too; rates are means since the start\n"
    "      --no-colour        no colour; so does the variable NO_COLOR\n"
    "  -h, --help             this text\n"
    "\n"
    "exit status: 0 done; 1 no sensor answers; 2 wrong use\n";

enum { OPTION_NO_COLOUR = 256, OPTION_DEAD };

static const struct option long_options[] = {
    { "socket", required_argument, NULL, 'S' },
    { "json", no_argument, NULL, 'j' },
    { "rules", no_argument, NULL, 'r' },
    { "dead", no_argument, NULL, OPTION_DEAD },
    { "once", no_argument, NULL, '1' },
    { "no-colour", no_argument, NULL, OPTION_NO_COLOUR },
    { "no-color", no_argument, NULL, OPTION_NO_COLOUR },
    { "help", no_argument, NULL, 'h' },
    { NULL, 0, NULL, 0 },
};

static const char request[] = "{\"command\":\"status\"}";

/* The status in an answer; NULL: err. The caller owns it. */
static json_t *status_of(const char *answer, struct imw_error_info *err)
{
    json_t *object = control_answer(answer, err);
    json_t *status = json_incref(json_object_get(object, "status"));

    json_decref(object);
    if (object != NULL && !json_is_object(status)) {
        error_set(err, IMW_ERROR_FORMAT, "the answer holds no status");
        json_decref(status);
        return NULL;
    }
    return status;
}

/* ---- the terminal ---- */

enum { INTERVAL_MS = 1000 };

struct screen {
    const char *path;
    struct status_view view;
    struct text out;
    struct termios before;
    int signals;
    struct control_question question;
    uint64_t next_ms;
    int ended_by; /* a signal; 0: none */
    bool quit;
};

static uint64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void tell(struct screen *s, const char *text, size_t length)
{
    while (length > 0 && !s->quit) {
        ssize_t n = write(STDOUT_FILENO, text, length);
        if (n < 0 && errno != EINTR && errno != EAGAIN)
            s->quit = true; /* the terminal is gone */
        text += n > 0 ? n : 0;
        length -= n > 0 ? (size_t)n : 0;
    }
}

static void screen_size(struct screen *s)
{
    struct winsize size = { .ws_col = 0 };

    (void)ioctl(STDOUT_FILENO, TIOCGWINSZ, &size);
    s->view.width = size.ws_col > 0 ? size.ws_col : 80;
    s->view.height = size.ws_row > 0 ? size.ws_row : 24;
    tell(s, "\033[2J", 4);
}

/* Alternate screen, no cursor, no wrapping; keys one by one, and not shown. */
static void screen_enter(struct screen *s)
{
    static const char codes[] = "\033[?1049h\033[?25l\033[?7l";
    struct termios raw = s->before;

    raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
    raw.c_cc[VMIN] = 0;
    raw.c_cc[VTIME] = 0;
    tcsetattr(STDIN_FILENO, TCSANOW, &raw);
    tell(s, codes, sizeof codes - 1);
    screen_size(s);
}

static void screen_leave(struct screen *s)
{
    static const char codes[] = "\033[0m\033[?7h\033[?25h\033[?1049l";

    tell(s, codes, sizeof codes - 1);
    tcsetattr(STDIN_FILENO, TCSANOW, &s->before);
}

static void screen_draw(struct screen *s)
{
    s->out.len = 0;
    s->out.cut = false;
    status_view_draw(&s->view, &s->out);
    tell(s, s->out.at, s->out.len);
}

/* ---- what comes in ---- */

static void on_keys(struct screen *s)
{
    char keys[64];
    ssize_t n = read(STDIN_FILENO, keys, sizeof keys);

    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
        s->quit = true; /* hung up */
    if (n > 0 && keys[0] == '\033' && n > 1)
        return; /* a cursor key or the like */
    for (ssize_t i = 0; i < n; i++)
        switch (keys[i]) {
        case 'q': s->quit = true; break;
        case 's': s->view.sort = (s->view.sort + 1) % SORT_COUNT; break;
        case 'p':
        case ' ': s->view.paused = !s->view.paused; break;
        case '?':
        case 'h': s->view.help = !s->view.help; break;
        case '\033': s->view.help = false; break;
        default: break;
        }
}

static void on_signal(struct screen *s)
{
    struct signalfd_siginfo info;

    if (read(s->signals, &info, sizeof info) != (ssize_t)sizeof info)
        return;
    switch (info.ssi_signo) {
    case SIGWINCH: screen_size(s); break;
    case SIGINT: s->quit = true; break;
    case SIGTSTP:
        screen_leave(s);
        raise(SIGSTOP);
        screen_enter(s);
        break;
    case SIGCONT: break;
    default: s->ended_by = (int)info.ssi_signo; s->quit = true;
    }
}

static void trouble(struct screen *s, const struct imw_error_info *err)
{
    char text[768];

    snprintf(s->view.trouble, sizeof s->view.trouble, "%s", error_format(err, text, sizeof text));
}

static void on_answer(struct screen *s)
{
    struct imw_error_info err = { .code = IMW_OK };
    struct sensor_status status;
    char *answer = NULL;

    switch (control_question_more(&s->question, &answer, &err)) {
    case CONTROL_WAIT: return;
    case CONTROL_FAILED: trouble(s, &err); return;
    default: break;
    }
    json_t *object = status_of(answer, &err);
    free(answer);
    if (object == NULL) {
        trouble(s, &err);
        return;
    }
    status_read(object, &status);
    json_decref(object);
    s->view.trouble[0] = '\0';
    if (!s->view.paused)
        status_view_take(&s->view, &status);
}

/* Ask again each second. An answer that takes longer is waited for, and that is said. */
static void on_time(struct screen *s)
{
    struct imw_error_info err = { .code = IMW_OK };

    s->next_ms = now_ms() + INTERVAL_MS;
    if (s->question.fd >= 0)
        snprintf(s->view.trouble, sizeof s->view.trouble, "the sensor is busy: no answer yet");
    else if (!control_question_begin(&s->question, s->path, request, &err))
        trouble(s, &err);
}

static void screen_round(struct screen *s)
{
    uint64_t now = now_ms();
    int wait_ms = s->next_ms > now ? (int)(s->next_ms - now) : 0;
    struct pollfd fds[] = { { .fd = STDIN_FILENO, .events = POLLIN },
                            { .fd = s->signals, .events = POLLIN },
                            { .fd = s->question.fd, .events = POLLIN } };

    if (poll(fds, 3, wait_ms) < 0 && errno != EINTR)
        s->quit = true;
    if (fds[0].revents != 0)
        on_keys(s);
    if (fds[1].revents != 0)
        on_signal(s);
    if (fds[2].revents != 0)
        on_answer(s);
    if (now_ms() >= s->next_ms)
        on_time(s);
    if (!s->quit)
        screen_draw(s);
}

static int live(const char *path, const struct sensor_status *first, bool colour)
{
    struct screen *s = calloc(1, sizeof *s);
    char *page = malloc(VIEW_BYTES);
    sigset_t set;

    if (s == NULL || page == NULL || tcgetattr(STDIN_FILENO, &s->before) != 0) {
        perror("imward status");
        free(s);
        free(page);
        return EXIT_FAILED;
    }
    static const int caught[] = { SIGWINCH, SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGCONT };
    sigemptyset(&set);
    for (size_t i = 0; i < sizeof caught / sizeof caught[0]; i++)
        sigaddset(&set, caught[i]);
    sigprocmask(SIG_BLOCK, &set, NULL);
    s->path = path;
    s->out = text_over(page, VIEW_BYTES);
    s->question.fd = -1;
    s->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    s->view.colour = colour;
    s->view.utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
    s->next_ms = now_ms() + INTERVAL_MS;
    status_view_take(&s->view, first);
    screen_enter(s);
    screen_draw(s);
    while (!s->quit)
        screen_round(s);
    s->quit = false; /* the terminal's state is told in any case */
    screen_leave(s);
    control_question_end(&s->question);
    close(s->signals);
    int ended_by = s->ended_by;
    free(page);
    free(s);
    if (ended_by != 0) { /* as if we had not caught it */
        signal(ended_by, SIG_DFL);
        raise(ended_by);
        sigprocmask(SIG_UNBLOCK, &set, NULL);
    }
    return EXIT_DONE;
}

/* ---- once ---- */

static int once(const struct sensor_status *status)
{
    struct status_view *v = calloc(1, sizeof *v);
    char *page = malloc(VIEW_BYTES);

    if (v == NULL || page == NULL) {
        perror("imward status");
        free(v);
        free(page);
        return EXIT_FAILED;
    }
    struct text out = text_over(page, VIEW_BYTES);
    v->width = 200;
    status_view_take(v, status);
    status_view_draw(v, &out);
    fwrite(out.at, 1, out.len, stdout);
    free(v);
    free(page);
    return EXIT_DONE;
}

static int print_json(const json_t *object)
{
    char *text = json_dumps(object, JSON_COMPACT);

    if (text == NULL)
        return EXIT_FAILED;
    puts(text);
    free(text);
    return EXIT_DONE;
}

struct options {
    const char *path;
    bool json, once, colour, rules, dead, help;
};

static bool read_options(int argc, char **argv, struct options *o)
{
    int option;
    const char *no_colour = getenv("NO_COLOR"), *terminal = getenv("TERM");

    *o = (struct options){ .path = CONTROL_PATH };
    o->colour = no_colour == NULL || no_colour[0] == '\0';
    o->once = isatty(STDIN_FILENO) == 0 || isatty(STDOUT_FILENO) == 0 || terminal == NULL ||
              strcmp(terminal, "dumb") == 0;
    while ((option = getopt_long(argc, argv, "S:jr1h", long_options, NULL)) != -1) {
        switch (option) {
        case 'S': o->path = optarg; break;
        case 'j': o->json = true; break;
        case 'r': o->rules = true; break;
        case OPTION_DEAD: o->dead = true; break;
        case '1': o->once = true; break;
        case 'h': o->help = true; break;
        case OPTION_NO_COLOUR: o->colour = false; break;
        default: fputs("imward status --help tells how it is used.\n", stderr); return false;
        }
    }
    if (optind < argc) {
        cli_usage("status", "takes no '%s'", argv[optind]);
        return false;
    }
    if (o->dead && !o->rules) {
        cli_usage("status", "--dead goes with --rules");
        return false;
    }
    return true;
}

static int run(const struct options *o)
{
    struct imw_error_info err = { .code = IMW_OK };
    struct sensor_status status;
    char *answer = NULL;

    if (!control_ask(o->path, request, &answer, &err))
        return cli_failed(&err);
    json_t *object = status_of(answer, &err);
    free(answer);
    if (object == NULL)
        return cli_failed(&err);
    int result;
    status_read(object, &status);
    if (o->json)
        result = print_json(object);
    else
        result = o->once ? once(&status) : live(o->path, &status, o->colour);
    json_decref(object);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        perror("imward: standard output");
        result = EXIT_FAILED;
    }
    return result;
}

int command_status(int argc, char **argv)
{
    struct options o;

    if (!read_options(argc, argv, &o))
        return EXIT_USAGE;
    if (o.help) {
        fputs(usage, stdout);
        return EXIT_DONE;
    }
    if (o.rules)
        return status_rules(o.path, o.dead, o.json);
    setlocale(LC_CTYPE, ""); /* for nl_langinfo() */
    return run(&o);
}
