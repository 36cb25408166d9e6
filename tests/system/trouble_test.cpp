// State that cannot be used: said clearly before anything is ordered, and nothing is lost.
#include "base/error.h"
#include "pki/digest.h"
#include "pki/issued.h"
#include "system/site.h"
#include "system/small_disk.h"

#include <filesystem>

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace everseal;
using namespace everseal::system;

namespace {

namespace fs = std::filesystem;

// A site whose certificates come from a program that counts how often it was asked.
class Ordering {
 public:
  // `user`: who owns the state and runs everseal.
  explicit Ordering(std::string user = "root") : user_(std::move(user)) {
    run_or_fail({"install", "-m", "0755", EVERSEAL_PROGRAM, site / "everseal"});
    fs::create_directory(site / "orders");
    run_or_fail({"chown", user_, site / "orders"});
    const std::string issuer =
        site.script("issue", fmt::format("echo order >> {}/log\nexec openssl x509 -req -days 800 -CA {}/ca.pem -CAkey "
                                         "{}/ca.key -set_serial 0x$(openssl rand -hex 8) -copy_extensions copy",
                                         site / "orders", site / "orders", site / "orders"));
    run_or_fail({"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days",
                 "900", "-subj", "/CN=Far CA", "-keyout", site / "orders/ca.key", "-out", site / "orders/ca.pem"});
    run_or_fail({"chown", "-R", user_, site / "orders"});
    site.configure(
        fmt::format("[issuer.far]\ntype = \"exec\"\ncommand = [\"{}\"]\n[certificate.web]\nissuer = "
                    "[\"far\"]\nidentifiers = [\"localhost\"]\n",
                    issuer));
    fs::create_directory(site.state());
    fs::permissions(site.state(), fs::perms::owner_all);
    run_or_fail({"chown", user_, site.state()});
  }

  // The state, and version 1 in it.
  void begin() const {
    require_status(everseal({"init"}), 0);
    require_status(everseal({"renew"}), 0);
    REQUIRE(orders() == 1);
  }

  base::Exit everseal(Words words, Words behind = {}) const {
    behind.push_back(site / "everseal");
    behind.insert(behind.end(), {"--config", site.config_file()});
    behind.insert(behind.end(), words.begin(), words.end());
    base::Command how;
    if (user_ != "root") how.user = user_;
    return run(behind, how);
  }
  std::size_t orders() const {
    if (!fs::exists(site / "orders/log")) return 0;
    const std::string log = read_text(site / "orders/log");
    return static_cast<std::size_t>(std::ranges::count(log, '\n'));
  }
  std::string database() const { return site.state() + "/everseal.db"; }
  std::string database_digest() const { return base::hex(pki::sha256(base::as_bytes(read_text(database())))); }

  Site site{Site::Ca::none};

 private:
  std::string user_;
};

// Fails with status 1, says `part` and what to do, and orders nothing.
void refuses(const Ordering& host, const base::Exit& exit, const std::string& part, std::size_t orders_before) {
  INFO(transcript(exit));
  CHECK(exit.how == base::Exit::How::exited);
  CHECK(exit.status == 1);
  CHECK(contains(exit.errors + exit.output, part));
  CHECK_FALSE(contains(exit.errors, "mistake in everseal"));
  CHECK(host.orders() == orders_before);
}

}  // namespace

TEST_CASE("a state directory that cannot be written to is refused before anything is ordered") {
  const Ordering host("nobody");
  host.begin();
  const std::string database = host.database_digest();
  const std::string archive = digest_of_tree(host.site.state() + "/archive");

  fs::permissions(host.site.state(), fs::perms::owner_read | fs::perms::owner_exec);
  refuses(host, host.everseal({"renew", "web", "--force"}), host.site.state(), 1);
  fs::permissions(host.site.state(), fs::perms::owner_all);
  CHECK(host.database_digest() == database);
  CHECK(digest_of_tree(host.site.state() + "/archive") == archive);
  require_status(host.everseal({"renew", "web", "--force"}), 0);
  CHECK(host.orders() == 2);
}

TEST_CASE("a read-only database is refused before anything is ordered") {
  const Ordering host("nobody");
  host.begin();
  const std::string before = host.database_digest();
  fs::permissions(host.database(), fs::perms::owner_read);
  refuses(host, host.everseal({"renew", "web", "--force"}), "everseal.db", 1);
  CHECK(host.database_digest() == before);
  fs::permissions(host.database(), fs::perms::owner_read | fs::perms::owner_write);
  require_status(host.everseal({"renew", "web", "--force"}), 0);
}

TEST_CASE("a state of another user is refused with that explanation") {
  const Ordering host("nobody");
  host.begin();
  const std::string before = digest_of_tree(host.site.state());
  const base::Exit exit = host.site.everseal({"renew", "web", "--force"});
  INFO(transcript(exit));
  CHECK(exit.status == 1);
  CHECK(contains(exit.errors, "nobody"));
  CHECK(host.orders() == 1);
  CHECK(digest_of_tree(host.site.state()) == before);
}

TEST_CASE("a full disk stops a renewal before anything is ordered, and nothing is lost") {
  const Ordering host;
  const SmallDisk disk(host.site.state(), "3m");
  host.begin();
  const std::string live = host.site.live_serial("web");
  // From no room at all to room that ends somewhere on the way.
  for (const int pages : {0, 1, 2, 4, 8}) {
    INFO("pages left: ", pages);
    disk.fill(pages);
    const base::Exit exit = host.everseal({"renew", "web", "--force"});
    INFO(transcript(exit));
    CHECK(exit.how == base::Exit::How::exited);
    CHECK(exit.status == 1);
    CHECK(contains(exit.errors + exit.output, "free some space"));
    CHECK(host.orders() == 1);
    CHECK(host.site.live_serial("web") == live);
    disk.empty();
    require_status(host.everseal({"history", "--verify"}), 0);
  }
  require_status(host.everseal({"renew", "web", "--force"}), 0);
  CHECK(host.site.live_serial("web") != live);
  CHECK(host.orders() == 2);
}

TEST_CASE("a disk that fills in the middle of an audit keeps it from remembering, not from telling what it saw") {
  constexpr std::size_t kFiles = 400;
  const Ordering host;
  const SmallDisk disk(host.site.state(), "4m");
  host.begin();
  const auto authority = pki::testing::make_root();
  const pki::PrivateKey& key = pki::testing::key_of(pki::KeyType::ecdsa_p256, 2);
  const std::string directory = host.site / "many";
  std::filesystem::create_directory(directory);
  for (std::size_t i = 0; i < kFiles; ++i) {
    const auto wanted = pki::testing::server_template(fmt::format("h{}.example.org", i), key);
    write_text(fmt::format("{}/{}.pem", directory, i), pki::testing::issue(wanted, authority).pem());
  }
  const Words audit{"audit", directory, "--json", "--fail-on", "critical"};
  bool was_cut = false;
  for (const int pages : {0, 2, 8, 16, 32}) {
    INFO("pages left: ", pages);
    disk.fill(pages);
    const base::Exit exit = host.everseal(audit);
    INFO(exit.errors);
    CHECK(exit.how == base::Exit::How::exited);
    CHECK(exit.status == 4);
    const Json report = Json::parse(exit.output);
    CHECK(report["places"].size() == kFiles);
    const std::string remarks = report["summary"]["remarks"].dump();
    CHECK_MESSAGE(contains(remarks, "remembered: "), remarks);
    was_cut = was_cut || contains(remarks, "not all of it is remembered: ");
    disk.empty();
    require_status(host.everseal({"history", "--verify"}), 0);
    require_status(host.everseal({"doctor"}), 0);
  }
  CHECK(was_cut);
  require_status(host.everseal(audit), 0);
  CHECK(contains(host.everseal({"list", "--seen", "--name", "h399.example.org"}).output, "h399.example.org"));
}

TEST_CASE("a corrupted database is refused, is left as it is, and doctor --rebuild brings the state back") {
  const Ordering host;
  host.begin();
  const std::string live = host.site.live_serial("web");
  const std::string good = read_text(host.database());

  std::string torn = good;
  std::fill(torn.begin(), torn.begin() + 4096, '\xa5');
  std::string scribbled = good;
  std::fill(scribbled.begin() + 100, scribbled.end(), '\x5a');
  for (const std::string& bad : {torn, scribbled, std::string("not a database at all\n"), good.substr(0, 6000)}) {
    write_text(host.database(), bad, 0600);
    const base::Exit exit = host.everseal({"renew", "web", "--force"});
    refuses(host, exit, "database", 1);
    CHECK(contains(exit.errors + exit.output, "doctor --rebuild"));
    CHECK(read_text(host.database()) == bad);
    CHECK(host.site.live_serial("web") == live);
  }
  require_status(host.everseal({"doctor", "--rebuild"}), 0);
  CHECK(host.site.live_serial("web") == live);
  require_status(host.everseal({"renew", "web"}), 0);
  CHECK(host.orders() == 1);
  CHECK(host.site.count_versions("web") == 1);
}

TEST_CASE("a database of a newer Everseal is refused and not touched") {
  const Ordering host;
  host.begin();
  run_or_fail(
      {"sqlite3", host.database(), "insert into migration (number, name, applied) values (999, '0999_later.sql', 0)"});
  const std::string before = host.database_digest();
  refuses(host, host.everseal({"renew", "web", "--force"}), "schema 999", 1);
  refuses(host, host.everseal({"renew"}), "schema 999", 1);
  refuses(host, host.everseal({"list"}), "schema 999", 1);
  CHECK(host.database_digest() == before);
  run_or_fail({"sqlite3", host.database(), "delete from migration where number = 999"});
  require_status(host.everseal({"renew", "web", "--force"}), 0);
}

TEST_CASE("a clock a year ahead orders and signs nothing, and the right one goes on") {
  const Ordering host;
  host.begin();
  const std::string live = host.site.live_serial("web");
  const std::size_t orders = host.orders();
  CHECK(host.everseal({"renew", "web", "--force"}, {"faketime", "--exclude-monotonic", "-f", "+365d"}).status == 1);
  CHECK(host.orders() == orders);
  CHECK(host.site.live_serial("web") == live);
  require_status(host.everseal({"renew", "web"}), 0);
  CHECK(host.orders() == orders + 1);

  const Site ca;
  Words later{"faketime", "--exclude-monotonic", "-f", "+365d"};
  ca.configure(certificate_table("web"));
  require_status(ca.everseal({"renew"}), 0);
  run_or_fail({"openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/",
               "-addext", "subjectAltName=DNS:localhost", "-keyout", ca / "csr.key", "-out", ca / "csr.pem"});
  const std::size_t made = ca.count_signed();
  const Words sign = ca.command({"ca", "sign", "demo", ca / "csr.pem"});
  later.insert(later.end(), sign.begin(), sign.end());
  const base::Exit exit = run(later);
  CHECK(exit.status == 1);
  CHECK(contains(exit.errors, "the clock says"));
  CHECK(ca.count_signed() == made);
  require_status(ca.everseal({"ca", "sign", "demo", ca / "csr.pem"}), 0);
}

TEST_CASE("a gigabyte of zeros costs neither its size nor its time") {
  const Site site(Site::Ca::none);
  const std::string huge = site / "huge";
  write_text(huge, "");
  REQUIRE(::truncate(huge.c_str(), 1 << 30) == 0);
  constexpr rlim_t kAddressSpace = 400 << 20;  // the program itself maps its libraries
  const pid_t child = ::fork();
  if (child == 0) {
    const rlimit bound{kAddressSpace, kAddressSpace};
    ::setrlimit(RLIMIT_AS, &bound);
    ::close(STDERR_FILENO);
    ::execl(EVERSEAL_PROGRAM, "everseal", "inspect", huge.c_str(), nullptr);
    ::_exit(99);
  }
  int status = 0;
  rusage used{};
  REQUIRE(::wait4(child, &status, 0, &used) == child);
  REQUIRE(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 1);
  CHECK(used.ru_maxrss < 100 * 1024);  // KiB
}
