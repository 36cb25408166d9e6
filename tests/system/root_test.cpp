// As root: what others may change is not trusted, and what others put in the way leads nowhere.
#include "system/site.h"

#include <csignal>
#include <filesystem>
#include <stdexcept>

#include <doctest/doctest.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/fs.h>
#include <pwd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace everseal;
using namespace everseal::system;

namespace {

namespace fs = std::filesystem;

void require_root() {
  if (::geteuid() != 0) throw std::runtime_error("this test shows what root does: run it as root");
}

// Swaps two names in a directory for as long as it lives, as the directory's owner would.
class Racer {
 public:
  Racer(const std::string& directory, const char* one, const char* other, const std::string& user) {
    const passwd* const account = ::getpwnam(user.c_str());
    if (account == nullptr) throw std::runtime_error("there is no user " + user);
    const uid_t uid = account->pw_uid;
    const gid_t gid = account->pw_gid;
    const int at = ::open(directory.c_str(), O_DIRECTORY | O_RDONLY | O_CLOEXEC);
    process_ = ::fork();
    if (process_ == 0) {
      if (::setgid(gid) != 0 || ::setuid(uid) != 0) ::_exit(1);
      const pid_t parent = ::getppid();
      while (::getppid() == parent) ::syscall(SYS_renameat2, at, one, at, other, RENAME_EXCHANGE);
      ::_exit(0);
    }
    ::close(at);
  }
  ~Racer() {
    ::kill(process_, SIGKILL);
    ::waitpid(process_, nullptr, 0);
  }
  Racer(const Racer&) = delete;
  Racer& operator=(const Racer&) = delete;

 private:
  pid_t process_ = -1;
};

}  // namespace

TEST_CASE("root takes nothing from a config that others may write, and goes on with what it said before") {
  require_root();
  const Site site;
  const std::string fragments = site / "config/conf.d";
  site.configure(certificate_table("web"));
  const auto told = [&](const std::string& path, Words words, int status) {
    words.insert(words.begin(), {"--state", site.state()});
    const base::Exit exit = site.everseal(std::move(words));
    require_status(exit, status);
    CHECK(contains(exit.output + exit.errors, path));
  };
  const auto refused = [&](const std::string& path) {
    told(path, {"renew"}, 1);
    told(path, {"config", "check"}, 2);
  };
  ::chmod(site.config_file().c_str(), 0666);
  told(site.config_file(), {"renew"}, 2);      // nothing is known yet
  require_status(site.everseal({"list"}), 2);  // nor whose state it is
  ::chmod(site.config_file().c_str(), 0644);
  CHECK(site.count_signed() == 0);
  require_status(site.everseal({"renew"}), 0);

  ::chmod(site.config_file().c_str(), 0664);
  refused(site.config_file());
  ::chmod(site.config_file().c_str(), 0644);
  run_or_fail({"chown", "nobody", site.config_file()});
  refused(site.config_file());
  told(site.config_file(), {"renew", "web", "--force"}, 4);
  run_or_fail({"chown", "root", site.config_file()});
  CHECK(site.count_signed() == 2);

  ::chmod((site / "config").c_str(), 0777);
  refused(site / "config");
  ::chmod((site / "config").c_str(), 0755);

  fs::create_directory(fragments);
  write_text(fragments + "/more.toml", certificate_table("more"), 0666);
  refused(fragments + "/more.toml");
  ::chmod((fragments + "/more.toml").c_str(), 0644);
  ::chmod(fragments.c_str(), 0777);
  refused(fragments);
  CHECK(site.count_signed() == 2);
  ::chmod(fragments.c_str(), 0755);
  require_status(site.everseal({"renew"}), 0);

  // A link leads to a file of root's, past a directory where others choose which one it is.
  fs::create_directory(site / "open");
  write_text(site / "open/linked.toml", certificate_table("linked"), 0644);
  fs::create_symlink(site / "open/linked.toml", fragments + "/linked.toml");
  ::chmod((site / "open").c_str(), 0777);
  refused(site / "open");
  ::chmod((site / "open").c_str(), 0755);
  require_status(site.everseal({"renew"}), 0);
}

TEST_CASE("a set-uid copy does nothing for anybody, and root's config leads nobody to a state of his own") {
  require_root();
  const Site site;
  site.configure("");
  ::chmod(site.state().c_str(), 0700);
  const std::string copy = site / "everseal";
  fs::copy_file(site.command({}).front(), copy);
  ::chmod(site.path().c_str(), 0755);
  ::chmod(copy.c_str(), 04755);
  const auto as_nobody = [&](Words words) {
    Words all{"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"};
    all.insert(all.end(), words.begin(), words.end());
    return run(all);
  };
  const base::Exit set_uid = as_nobody({copy, "--state", site.state(), "list"});
  require_status(set_uid, 1);
  CHECK(contains(set_uid.errors, "set-uid"));
  ::chmod(copy.c_str(), 0755);
  write_text(site / "plain.toml", "config_version = 1\n");
  const base::Exit led = as_nobody({copy, "--config", site / "plain.toml", "list"});
  CHECK_FALSE(led.success());
  CHECK(contains(led.errors, "/var/lib/everseal"));
  CHECK(contains(led.errors, "sudo"));
}

TEST_CASE("root does not run a hook that others may write, and all else goes on") {
  require_root();
  const Site site;
  fs::create_directory(site / "tls");
  fs::create_directory(site / "bin");
  const std::string hook = site.script("bin/reload", fmt::format("touch {}", site / "ran"));
  site.configure(certificate_table("web") + deploy_table({.directory = site / "tls", .reload = hook, .verify = {}}) +
                 certificate_table("other"));
  const auto refused = [&](const Words& words, int status, const std::string& path) {
    const base::Exit exit = site.everseal(words);
    require_status(exit, status);
    CHECK(contains(exit.output + exit.errors, path));
    CHECK_FALSE(fs::exists(site / "ran"));
  };
  ::chmod(hook.c_str(), 0777);
  refused({"renew"}, 4, hook);
  CHECK(fs::exists(site.state() + "/live/other"));
  CHECK(contains(site.everseal({"config", "check"}).errors, hook));
  ::chmod(hook.c_str(), 0775);
  refused({"renew", "web"}, 1, hook);
  ::chmod(hook.c_str(), 0755);
  run_or_fail({"chown", "nobody", hook});
  refused({"renew", "web"}, 1, hook);
  run_or_fail({"chown", "root", hook});
  ::chmod((site / "bin").c_str(), 0777);
  refused({"renew", "web"}, 1, site / "bin");
  ::chmod((site / "bin").c_str(), 0755);
  require_status(site.everseal({"renew", "web"}), 0);
  CHECK(fs::exists(site / "ran"));
}

TEST_CASE("symbolic links in a directory of another user lead nowhere") {
  require_root();
  const Site site;
  const std::string target = site / "tls";
  const std::string victim = site / "victim";
  fs::create_directories(target);
  fs::create_directories(victim + "/web/1");
  write_text(victim + "/web/1/privkey.pem", "precious\n", 0600);
  write_text(victim + "/fullchain.pem", "precious\n", 0600);
  fs::create_symlink("1", victim + "/web/current");
  run_or_fail({"chown", "-R", "nobody:", target});
  const std::string before = digest_of_tree(victim);
  site.configure(certificate_table("web") +
                 deploy_table({.directory = target, .reload = {}, .verify = {}, .more = "owner = \"nobody\""}));

  const auto as_nobody = [&](const Words& words) { run_or_fail(words, {.user = "nobody"}); };
  const auto clear = [&] {
    for (const auto& entry : fs::directory_iterator(target)) fs::remove_all(entry.path());
  };

  SUBCASE("in place of Everseal's own directory") {
    as_nobody({"ln", "-s", victim, target + "/.everseal"});
    require_status(site.everseal({"renew"}), 1);
    CHECK(digest_of_tree(victim) == before);
  }
  SUBCASE("in place of the certificate's directory") {
    as_nobody({"mkdir", target + "/.everseal"});
    as_nobody({"ln", "-s", victim + "/web", target + "/.everseal/web"});
    require_status(site.everseal({"renew"}), 1);
    CHECK(digest_of_tree(victim) == before);
  }
  SUBCASE("in place of the directory that grows") {
    as_nobody({"mkdir", "-p", target + "/.everseal/web"});
    as_nobody({"ln", "-s", victim + "/web/1", target + "/.everseal/web/.1.tmp"});
    as_nobody({"ln", "-s", victim + "/web/1", target + "/.everseal/web/1"});
    site.everseal({"renew"});
    CHECK(digest_of_tree(victim) == before);
  }
  SUBCASE("in place of the files") {
    as_nobody({"ln", "-s", victim + "/fullchain.pem", target + "/fullchain.pem"});
    as_nobody({"ln", "-s", victim + "/web/1/privkey.pem", target + "/privkey.pem"});
    require_status(site.everseal({"renew"}), 0);
    CHECK(digest_of_tree(victim) == before);
    CHECK(serial_of(target + "/fullchain.pem") == site.live_serial("web"));
  }
  SUBCASE("swapped in while a deployment is at work") {
    struct Race {
      const char* one;
      const char* other;
      std::string link;
    };
    const Race races[] = {{".everseal", "evil", victim},
                          {".everseal/web", "evil", victim + "/web"},
                          {"fullchain.pem", "evil", victim + "/fullchain.pem"},
                          {"privkey.pem", "evil", victim + "/web/1/privkey.pem"}};
    for (const Race& race : races) {
      INFO(race.one);
      clear();
      as_nobody({"mkdir", "-p", target + "/.everseal/web"});
      as_nobody({"ln", "-s", race.link, target + "/evil"});
      site.everseal({"deploy", "web"});
      {
        const Racer racer(target, race.one, race.other, "nobody");
        for (int i = 0; i < 25; ++i) {
          const base::Exit exit = site.everseal({"deploy", "web"});
          CHECK(exit.how == base::Exit::How::exited);
        }
      }
      CHECK(digest_of_tree(victim) == before);
    }
    clear();
    require_status(site.everseal({"deploy", "web"}), 0);
    CHECK(serial_of(target + "/fullchain.pem") == site.live_serial("web"));
  }
}

TEST_CASE("root is led nowhere by a link that a directory's owner puts in its place") {
  require_root();
  const Site site;
  const std::string home = site / "home", victim = site / "victim";
  for (const std::string& one : {home, victim}) fs::create_directory(one);
  write_text(victim + "/privkey.pem", "precious\n", 0600);
  run_or_fail({"chown", "nobody:", home});
  run_or_fail({"ln", "-s", victim, home + "/tls"}, {.user = "nobody"});
  const std::string before = digest_of_tree(victim);
  site.configure(certificate_table("web") + deploy_table({.directory = home + "/tls", .reload = {}, .verify = {}}));
  base::Exit exit = site.everseal({"renew"});
  require_status(exit, 1);
  CHECK(contains(exit.output + exit.errors, home));
  CHECK(digest_of_tree(victim) == before);
  CHECK(site.count_versions("web") == 1);

  // The way to it, too, and whatever the files' owner is.
  site.configure(
      certificate_table("web") +
      deploy_table({.directory = home + "/tls/deeper", .reload = {}, .verify = {}, .more = "owner = \"nobody\""}));
  fs::create_directory(victim + "/deeper");
  site.everseal({"renew", "web"});
  CHECK(fs::is_empty(victim + "/deeper"));
}

TEST_CASE("what root hands out into a directory of another user goes nowhere else") {
  require_root();
  const Site site;
  const std::string home = site / "home", victim = site / "victim";
  for (const std::string& one : {home, victim}) fs::create_directory(one);
  write_text(victim + "/file", "precious\n", 0600);
  run_or_fail({"mkfifo", victim + "/fifo"});
  run_or_fail({"chown", "nobody:", home});
  site.configure(certificate_table("web"));
  require_status(site.everseal({"renew"}), 0);
  const std::string before = digest_of_tree(victim);
  const auto as_nobody = [&](const Words& words) { run_or_fail(words, {.user = "nobody"}); };

  for (const char* const target : {"fifo", "file", "none"}) {
    INFO(target);
    const std::string link = home + "/" + target;
    as_nobody({"ln", "-s", victim + "/" + target, link});
    require_status(site.everseal({"export", "web", "--format", "key", "--out", link}), 1);
    require_status(site.everseal({"backup", link}), 1);
  }
  as_nobody({"ln", "-s", victim, home + "/way"});
  require_status(site.everseal({"export", "web", "--format", "key", "--out", home + "/way/key"}), 1);
  require_status(site.everseal({"backup", home + "/way/backup"}), 1);

  // Its name changes hands all the time.
  as_nobody({"touch", home + "/one"});
  as_nobody({"ln", "-s", victim + "/file", home + "/other"});
  {
    const Racer racer(home, "one", "other", "nobody");
    for (int i = 0; i < 20; ++i) site.everseal({"export", "web", "--format", "key", "--out", home + "/one"});
  }
  // Whatever a backup makes there is replaced by a link at once.
  write_text(
      site / "plant",
      "#!/bin/sh\ncd \"$1\" && while :; do for f in .* *; do case $f in .|..|one|other|way|fifo|file|none) ;; *) "
      "[ -L \"$f\" ] || { rm -f \"$f\"; ln -s \"$2/planted\" \"$f\"; };; esac; done 2>/dev/null; done\n",
      0755);
  {
    const pid_t planter = ::fork();
    if (planter == 0) {
      const passwd* const account = ::getpwnam("nobody");
      if (account == nullptr || ::setgid(account->pw_gid) != 0 || ::setuid(account->pw_uid) != 0) ::_exit(1);
      ::execl("/bin/sh", "sh", (site / "plant").c_str(), home.c_str(), victim.c_str(), nullptr);
      ::_exit(1);
    }
    for (int i = 0; i < 15; ++i) site.everseal({"backup", fmt::format("{}/backup-{}", home, i)});
    ::kill(planter, SIGKILL);
    ::waitpid(planter, nullptr, 0);
  }
  CHECK(digest_of_tree(victim) == before);
}
