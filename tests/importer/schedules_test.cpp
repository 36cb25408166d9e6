#include "importer/schedules.h"

#include "importer/fixture.h"

namespace everseal::importer::testing {
namespace {

constexpr const char* kDebians =
    "0 */12 * * * root test -x /usr/bin/certbot -a \\! -d /run/systemd/system && perl -e 'sleep int(rand(43200))' && "
    "certbot -q renew --no-random-sleep-on-renew";

// A host's root directory.
struct Host : Tree {
  void add_timer(const std::string& name, const std::string& folder = "/usr/lib/systemd/system",
                 std::string_view text = "[Timer]\nOnCalendar=daily\n") const {
    write(folder + "/" + name, text);
  }
  void add_service(const std::string& name, std::string_view text) const {
    write("/usr/lib/systemd/system/" + name, text);
  }
  void enable(const std::string& name, const std::string& wants = "/etc/systemd/system/timers.target.wants") const {
    link(wants + "/" + name, "/usr/lib/systemd/system/" + name);
  }
  void run_systemd() const { make_folder("run/systemd/system"); }
  void be_debian() const { write("etc/debian_version", "12.1\n"); }

  // "FILE:LINE TEXT", below this root.
  std::string schedules(std::string_view program, const std::string& end = {}) const {
    std::vector<std::string> traces;
    for (const Trace& trace : active_schedules(path() + end, program)) {
      CHECK(is_printable(trace.text));
      REQUIRE(trace.file.starts_with(path() + "/"));
      traces.push_back(fmt::format("{}:{} {}", trace.file.substr(path().size()), trace.line, trace.text));
    }
    return base::join(traces, " | ");
  }
};

TEST_CASE("timers count while they are enabled and not masked") {
  const struct {
    const char* what;
    void (*sets_up)(const Host& host);
    std::string found;
  } rows[] = {
      {"enabled",
       [](const Host& host) {
         host.add_timer("certbot.timer");
         host.enable("certbot.timer");
       },
       "/usr/lib/systemd/system/certbot.timer:0 certbot.timer"},
      {"enabled where /lib is a folder of its own",
       [](const Host& host) {
         host.add_timer("certbot.timer", "/lib/systemd/system");
         host.enable("certbot.timer", "/lib/systemd/system/timers.target.wants");
       },
       "/lib/systemd/system/certbot.timer:0 certbot.timer"},
      {"enabled until the next start",
       [](const Host& host) {
         host.add_timer("certbot.timer");
         host.enable("certbot.timer", "/run/systemd/system/timers.target.wants");
       },
       "/usr/lib/systemd/system/certbot.timer:0 certbot.timer"},
      {"required by something else",
       [](const Host& host) {
         host.add_timer("certbot.timer");
         host.enable("certbot.timer", "/etc/systemd/system/multi-user.target.requires");
       },
       "/usr/lib/systemd/system/certbot.timer:0 certbot.timer"},
      {"of a snap",
       [](const Host& host) {
         host.add_timer("snap.certbot.renew.timer", "/etc/systemd/system");
         host.enable("snap.certbot.renew.timer");
       },
       "/etc/systemd/system/snap.certbot.renew.timer:0 snap.certbot.renew.timer"},
      {"a file of one's own before the package's",
       [](const Host& host) {
         host.add_timer("certbot.timer");
         host.add_timer("certbot.timer", "/etc/systemd/system");
         host.enable("certbot.timer");
       },
       "/etc/systemd/system/certbot.timer:0 certbot.timer"},
      {"one's own, known by what it runs",
       [](const Host& host) {
         host.add_timer("renew.timer");
         host.add_service("renew.service", "[Service]\nType=oneshot\nExecStart=/usr/bin/certbot renew\n");
         host.enable("renew.timer");
       },
       "/usr/lib/systemd/system/renew.timer:0 renew.timer"},
      {"one's own, of another unit's name",
       [](const Host& host) {
         host.add_timer("weekly.timer", "/etc/systemd/system", "[Timer]\nUnit = renew.service\n");
         host.add_service("renew.service", "[Service]\nExecStart = /bin/sh -c \\\n  'certbot renew'\n");
         host.enable("weekly.timer");
       },
       "/etc/systemd/system/weekly.timer:0 weekly.timer"},
      {"an instance of one's own",
       [](const Host& host) {
         host.add_timer("renew@.timer");
         host.add_service("renew@.service", "[Service]\nExecStart=certbot renew --cert-name %i\n");
         host.enable("renew@www.timer");
       },
       "/usr/lib/systemd/system/renew@.timer:0 renew@www.timer"},
      {"a linked unit",
       [](const Host& host) {
         host.write("/opt/certbot.timer", "[Timer]\nOnCalendar=daily\n");
         host.link("/etc/systemd/system/certbot.timer", "/opt/certbot.timer");
         host.enable("certbot.timer");
       },
       "/etc/systemd/system/certbot.timer:0 certbot.timer"},

      {"another's, which a file beside its service makes its own",
       [](const Host& host) {
         host.add_timer("renew.timer");
         host.add_service("renew.service", "[Service]\nExecStart=/usr/bin/backup\n");
         host.write("etc/systemd/system/renew.service.d/override.conf",
                    "[Service]\nExecStart=\nExecStart=certbot renew\n");
         host.enable("renew.timer");
       },
       "/usr/lib/systemd/system/renew.timer:0 renew.timer"},
      {"another's, which a file beside it sends to another unit",
       [](const Host& host) {
         host.add_timer("weekly.timer");
         host.add_service("renew.service", "[Service]\nExecStart=certbot renew\n");
         host.write("run/systemd/system/weekly.timer.d/10-unit.conf", "[Timer]\nUnit=renew.service\n");
         host.enable("weekly.timer");
       },
       "/usr/lib/systemd/system/weekly.timer:0 weekly.timer"},
      {"an instance, with a file beside its template",
       [](const Host& host) {
         host.add_timer("renew@.timer");
         host.add_service("renew@.service", "[Service]\nType=oneshot\n");
         host.write("etc/systemd/system/renew@.service.d/a.conf", "[Service]\nExecStartPre=certbot renew\n");
         host.enable("renew@www.timer");
       },
       "/usr/lib/systemd/system/renew@.timer:0 renew@www.timer"},
      {"root's own as a user",
       [](const Host& host) {
         host.add_timer("certbot.timer", "root/.config/systemd/user");
         host.link("root/.config/systemd/user/timers.target.wants/certbot.timer", "../certbot.timer");
       },
       "/root/.config/systemd/user/certbot.timer:0 certbot.timer"},
      {"every user's",
       [](const Host& host) {
         host.add_timer("renew.timer", "etc/systemd/user");
         host.write("usr/lib/systemd/user/renew.service", "[Service]\nExecStart=certbot renew\n");
         host.link("etc/systemd/user/timers.target.wants/renew.timer", "../renew.timer");
       },
       "/etc/systemd/user/renew.timer:0 renew.timer"},

      {"one's own, whose command a file beside its service takes away",
       [](const Host& host) {
         host.add_timer("renew.timer");
         host.add_service("renew.service", "[Service]\nExecStart=certbot renew\n");
         host.write("etc/systemd/system/renew.service.d/override.conf",
                    "[Service]\nExecStart=\nExecStart=/usr/bin/backup\n");
         host.enable("renew.timer");
       },
       {}},
      {"a file beside the service that is none, or masked by one of its name",
       [](const Host& host) {
         host.add_timer("renew.timer");
         host.add_service("renew.service", "[Service]\nExecStart=/usr/bin/backup\n");
         host.write("etc/systemd/system/renew.service.d/a.conf.off", "[Service]\nExecStart=certbot renew\n");
         host.write("usr/lib/systemd/system/renew.service.d/b.conf", "[Service]\nExecStart=certbot renew\n");
         host.link("etc/systemd/system/renew.service.d/b.conf", "/dev/null");
         host.enable("renew.timer");
       },
       {}},
      {"root's own as a user, not enabled",
       [](const Host& host) { host.add_timer("certbot.timer", "root/.config/systemd/user"); },
       {}},
      {"disabled", [](const Host& host) { host.add_timer("certbot.timer"); }, {}},
      {"disabled, as Debian remembers it",
       [](const Host& host) {
         host.add_timer("certbot.timer");
         host.enable("certbot.timer", "/var/lib/systemd/deb-systemd-helper-enabled/timers.target.wants");
       },
       {}},
      {"masked",
       [](const Host& host) {
         host.add_timer("certbot.timer");
         host.enable("certbot.timer");
         host.link("/etc/systemd/system/certbot.timer", "/dev/null");
       },
       {}},
      {"masked by an empty file",
       [](const Host& host) {
         host.add_timer("certbot.timer");
         host.enable("certbot.timer");
         host.write("/run/systemd/system/certbot.timer", "");
       },
       {}},
      {"removed, but for the link", [](const Host& host) { host.enable("certbot.timer"); }, {}},
      {"a service that is enabled", [](const Host& host) { host.enable("certbot.service"); }, {}},
      {"another's, that only speaks of it",
       [](const Host& host) {
         host.add_timer("backup.timer");
         host.add_service("backup.service",
                          "[Unit]\nAfter=certbot.service\nDescription=not certbot\n[Service]\n#ExecStart=certbot\n"
                          "ExecStart=/usr/bin/backup\n");
         host.enable("backup.timer");
       },
       {}},
      {"another's, of a longer name",
       [](const Host& host) {
         host.add_timer("certbotty.timer");
         host.enable("certbotty.timer");
       },
       {}},
      {"one without a service",
       [](const Host& host) {
         host.add_timer("renew.timer");
         host.add_timer("@.timer");
         host.enable("renew.timer");
         host.enable("@.timer");
       },
       {}},
      {"nothing", [](const Host&) {}, {}},
  };
  for (const auto& [what, sets_up, found] : rows) {
    CAPTURE(what);
    const Host host;
    sets_up(host);
    CHECK(host.schedules("certbot") == found);
    CHECK(host.schedules("certbot", "/") == found);
    CHECK(host.schedules("lego").empty());
  }
}

TEST_CASE("cron lines count while cron would run them") {
  const struct {
    const char* what;
    void (*sets_up)(const Host& host);
    std::string found;  // file and line
  } rows[] = {
      {"Debian's, without systemd",
       [](const Host& host) { host.write("etc/cron.d/certbot", fmt::format("SHELL=/bin/sh\n\n{}\n", kDebians)); },
       "/etc/cron.d/certbot:3 "},
      {"in /etc/crontab",
       [](const Host& host) { host.write("etc/crontab", "0 0,12 * * * root sleep 60 && sudo certbot renew -q\n"); },
       "/etc/crontab:1 "},
      {"of a user on Debian",
       [](const Host& host) { host.write("var/spool/cron/crontabs/john.doe", "@daily certbot renew\n"); },
       "/var/spool/cron/crontabs/john.doe:1 "},
      {"of a user on Red Hat",
       [](const Host& host) { host.write("var/spool/cron/root", "# m h\r\n\t*/5 * * * * certbot renew\r\n"); },
       "/var/spool/cron/root:2 "},
      {"of a user on Alpine", [](const Host& host) { host.write("etc/crontabs/root", "0 3 * * * certbot renew\n"); },
       "/etc/crontabs/root:1 "},
      {"a script",
       [](const Host& host) {
         fs::permissions(host.write("etc/cron.daily/renew", "#!/bin/sh\nexec certbot renew\n"), fs::perms(0755));
       },
       "/etc/cron.daily/renew:2 "},
      {"a script on Alpine",
       [](const Host& host) {
         fs::permissions(host.write("etc/periodic/15min/certbot-renew", "#!/bin/sh\ncertbot renew\n"), fs::perms(0755));
       },
       "/etc/periodic/15min/certbot-renew:2 "},
      {"a name with a dot, but on Debian",
       [](const Host& host) { host.write("etc/cron.d/certbot.cron", "0 3 * * * root certbot renew\n"); },
       "/etc/cron.d/certbot.cron:1 "},
      {"a line that goes on and on",
       [](const Host& host) {
         host.write("etc/crontab", "0 3 * * * certbot " + std::string(100'000, 'x') + "\x1b[2J\n");
       },
       "/etc/crontab:1 "},

      {"Debian's, with systemd",
       [](const Host& host) {
         host.run_systemd();
         host.write("etc/cron.d/certbot", fmt::format("{}\n", kDebians));
       },
       {}},
      {"comments", [](const Host& host) { host.write("etc/crontab", "#0 3 * * * root certbot\n  # certbot\n"); }, {}},
      {"variables",
       [](const Host& host) {
         host.write("etc/crontab", "MAILTO=certbot@example.org\nPATH=/opt/certbot/bin\n\"A\"=certbot\n_X = certbot\n");
       },
       {}},
      {"other programs",
       [](const Host& host) { host.write("etc/crontab", "0 3 * * * root mycertbot; certbot2\n"); },
       {}},
      {"a script that is not executable",
       [](const Host& host) { host.write("etc/cron.daily/renew", "#!/bin/sh\ncertbot renew\n"); },
       {}},
      {"scripts on Alpine that its run-parts passes over",
       [](const Host& host) {
         fs::permissions(host.write("etc/periodic/daily/renew.sh", "certbot renew\n"), fs::perms(0755));
         fs::permissions(host.write("etc/periodic/yearly/renew", "certbot renew\n"), fs::perms(0755));
         host.write("etc/periodic/daily/renew", "certbot renew\n");
       },
       {}},
      {"what was disabled by its name, on Debian",
       [](const Host& host) {
         host.be_debian();
         host.write("etc/cron.d/certbot.disabled", "0 3 * * * root certbot renew\n");
         fs::permissions(host.write("etc/cron.daily/renew.sh", "certbot renew\n"), fs::perms(0755));
       },
       {}},
      {"what packages and editors leave behind",
       [](const Host& host) {
         for (const char* const name : {"certbot~", "certbot.rpmsave", "certbot.rpmnew", ".certbot.swp"})
           host.write(std::string("etc/cron.d/") + name, "0 3 * * * root certbot renew\n");
       },
       {}},
      {"folders and circles where files should be",
       [](const Host& host) {
         host.make_folder("etc/crontab");
         host.write("etc/cron.d", "");
         host.link("etc/cron.daily", "cron.daily");
         host.link("etc/cron.hourly/a", "a");
         host.link("run/systemd/system", "system");
         host.write("etc/systemd/system/timers.target.wants", "");
         host.link("etc/systemd/system/a.wants", "a.wants");
       },
       {}},
      {"a table that is larger than any",
       [](const Host& host) { host.write("etc/crontab", "0 3 * * * certbot\n" + std::string(2'000'000, '\n')); },
       {}},
  };
  for (const auto& [what, sets_up, found] : rows) {
    CAPTURE(what);
    const Host host;
    sets_up(host);
    const std::string all = host.schedules("certbot");
    CHECK(all.empty() == found.empty());
    CHECK_MESSAGE(all.starts_with(found), all);
    CHECK(all.size() < 1000);
    CHECK(host.schedules("certbot", "//") == all);
  }
}

TEST_CASE("acme.sh and lego are found by the lines that people and they themselves write") {
  const struct {
    const char *program, *line;
    bool counts;
  } rows[] = {
      {"acme.sh", "58 1,7,13,19 * * * \"/root/.acme.sh\"/acme.sh --cron --home \"/root/.acme.sh\" > /dev/null", true},
      {"acme.sh", "12 0 * * * \"${HOME}/.acme.sh/acme.sh\" --cron", true},
      {"acme.sh", "12 0 * * * acmeXsh --cron", false},
      {"acme.sh", "12 0 * * * /root/macme.sh --cron", false},
      {"lego", "0 3 * * * root /usr/bin/lego --path /etc/lego --email a@b renew", true},
      {"lego", "0 3 * * * root cd /srv && lego renew", true},
      {"lego", "0 3 * * * root /usr/bin/legolas", false},
      {"lego", "0 3 * * * root echo delegox", false},
  };
  for (const auto& [program, line, counts] : rows) {
    CAPTURE(line);
    const Host host;
    host.write("etc/cron.d/renew", fmt::format("{}\n", line));
    CHECK(host.schedules(program).empty() != counts);
  }
}

}  // namespace
}  // namespace everseal::importer::testing
