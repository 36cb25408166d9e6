#include "base/error.h"
#include "config/fixture.h"
#include "config/fragment.h"
#include "error_of.h"
#include "fakes/temporary_directory.h"
#include "fakes/unsynced_file_system.h"
#include "skip.h"

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace everseal::config {
namespace {

using fakes::TemporaryDirectory;

void write(const std::string& path, std::string_view text, mode_t mode = 0644) {
  std::filesystem::create_directories(std::filesystem::path(path).parent_path());
  std::ofstream(path, std::ios::binary) << text;
  REQUIRE(::chmod(path.c_str(), mode) == 0);
}

std::string message_of(const Files& files) {
  try {
    read(files);
    return "";
  } catch (const base::Error& error) {
    CHECK(error.fault() == base::Fault::config);
    return error.message();
  }
}

// A variable for one scope.
class Variable {
 public:
  Variable(const char* name, const std::optional<std::string>& value) : name_(name) {
    if (const char* const old = std::getenv(name)) old_ = old;
    set(value);
  }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;
  ~Variable() { set(old_); }

 private:
  void set(const std::optional<std::string>& value) {
    if (value)
      ::setenv(name_, value->c_str(), 1);
    else
      ::unsetenv(name_);
  }
  const char* name_;
  std::optional<std::string> old_;
};

TEST_CASE("the main file is the one given, else that of the environment, else that of the home directory") {
  const TemporaryDirectory directory;
  write(directory / "given.toml", "");
  write(directory / "variable.toml", "");
  write(directory / ".config/everseal/everseal.toml", "");
  const Variable home("HOME", directory.path());
  const Variable named("EVERSEAL_CONFIG", directory / "variable.toml");
  CHECK(find_main(directory / "given.toml") == directory / "given.toml");
  CHECK(find_main(std::nullopt) == directory / "variable.toml");
  {
    const Variable none("EVERSEAL_CONFIG", std::nullopt);
    if (!std::filesystem::exists("/etc/everseal/everseal.toml"))
      CHECK(find_main(std::nullopt) == directory / ".config/everseal/everseal.toml");
  }
  const Variable missing("EVERSEAL_CONFIG", directory / "missing.toml");
  CHECK_THROWS_WITH_AS(find_main(std::nullopt),
                       fmt::format("cannot open the config {} that $EVERSEAL_CONFIG names: no such file or directory",
                                   directory / "missing.toml")
                           .c_str(),
                       base::Error);
  CHECK_THROWS_AS(find_main(directory / "other.toml"), base::Error);
}

TEST_CASE("what to do about a config that is not there makes that very file, or nothing where none can be made") {
  const TemporaryDirectory directory;
  write(directory / "file", "");
  const auto advice = [](const std::optional<std::string>& given) {
    try {
      find_main(given);
      return std::string("found");
    } catch (const base::Error& error) {
      return error.hint();
    }
  };
  const Variable home("HOME", directory.path());
  const Variable named("EVERSEAL_CONFIG", directory / "missing.toml");
  CHECK(advice(std::nullopt).find("`everseal init` writes") != std::string::npos);
  CHECK(advice(directory / "other.toml")
            .find(fmt::format("`everseal init --config {}` writes", directory / "other.toml")) != std::string::npos);
  CHECK(advice(directory / "file/other.toml").find("everseal init") == std::string::npos);
  CHECK(advice(directory / "file/other.toml").find("name another file") != std::string::npos);
}

TEST_CASE("a relative path of the main file is made absolute") {
  const TemporaryDirectory directory;
  write(directory / "x.toml", "state = \"s\"");
  const auto before = std::filesystem::current_path();
  std::filesystem::current_path(directory.path());
  const auto found = find_main("./x.toml");
  std::filesystem::current_path(before);
  CHECK(found == directory / "x.toml");
}

TEST_CASE("the state is where the environment says, else the config, else the user's place") {
  const Variable home("HOME", "/home/someone");
  {
    const Variable named("EVERSEAL_STATE", "/srv/state");
    CHECK(default_state() == "/srv/state");
    CHECK(default_state("/from/config") == "/srv/state");
  }
  const Variable none("EVERSEAL_STATE", std::nullopt);
  CHECK(default_state("/from/config") == "/from/config");
  CHECK(default_state() == (::geteuid() == 0 ? "/var/lib/everseal" : "/home/someone/.local/share/everseal"));
}

TEST_CASE("fragments lie beside the main file, or in the state directory") {
  CHECK(files("/etc/everseal/everseal.toml", "/var/lib/everseal").fragments == "/etc/everseal/conf.d");
  CHECK(files(std::nullopt, "/var/lib/everseal").fragments == "/var/lib/everseal/conf.d");
  CHECK(files(std::nullopt, "postgresql://db/everseal").fragments.empty());
}

TEST_CASE("fragments of the state that another config keeps from being read are told") {
  const TemporaryDirectory directory;
  write(directory / "etc/everseal.toml", "");
  write(directory / "etc/conf.d/a.toml", "");
  const std::string state = directory / "state";
  const Files elsewhere = files(directory / "etc/everseal.toml", state);
  CHECK(not_read(elsewhere, state).empty());
  for (const char* name : {"b.toml", "a.toml", ".hidden.toml", "c.toml.bak"})
    write(fmt::format("{}/conf.d/{}", state, name), "");
  const base::Problems found = not_read(elsewhere, state);
  REQUIRE(found.size() == 2);
  CHECK(found[0].origin.file == state + "/conf.d/a.toml");
  CHECK(found[1].origin.file == state + "/conf.d/b.toml");
  CHECK(not_read(files(std::nullopt, state), state).empty());
  CHECK(not_read(files(state + "/everseal.toml", state), state).empty());
  CHECK(not_read(elsewhere, "postgresql://db/everseal").empty());
}

TEST_CASE("the main file is read first, then the fragments sorted by name, and nothing else") {
  const TemporaryDirectory directory;
  write(directory / "everseal.toml", "main");
  for (const std::string name :
       {"b.toml", "a.toml", ".hidden.toml", ".#lock.toml", "notes.txt", "a.toml~", "c.toml.bak"})
    write(directory / ("conf.d/" + name), name);
  const auto sources = read(files(directory / "everseal.toml", "/nowhere"));
  std::vector<std::string> texts;
  for (const Source& source : sources) texts.push_back(source.text);
  CHECK(texts == std::vector<std::string>{"main", "a.toml", "b.toml"});
  CHECK(sources[1].path == directory / "conf.d/a.toml");
  CHECK(read({std::nullopt, directory / "missing"}).empty());
}

TEST_CASE("a file that is none, or too large, is refused by its name") {
  const TemporaryDirectory directory;
  write(directory / "everseal.toml", "");
  const Files all = files(directory / "everseal.toml", "/nowhere");
  const std::string path = directory / "conf.d/x.toml";
  std::filesystem::create_directories(path);
  CHECK(message_of(all) == path + " is not a regular file");
  std::filesystem::remove(path);
  REQUIRE(::mkfifo(path.c_str(), 0600) == 0);
  CHECK(message_of(all) == path + " is not a regular file");
  std::filesystem::remove(path);
  std::filesystem::create_symlink("/dev/zero", path);
  CHECK(message_of(all) == path + " is not a regular file");
  std::filesystem::remove(path);
  std::filesystem::create_symlink("/nowhere/at/all", path);
  CHECK(message_of(all) == "cannot read " + path + ": no such file or directory");
  std::filesystem::remove(path);
  write(path, "");
  std::filesystem::resize_file(path, 16 * 1024 * 1024);
  CHECK(message_of(all) == "");
  std::filesystem::resize_file(path, 16 * 1024 * 1024 + 1);
  CHECK(message_of(all) == path + " is larger than 16 MiB");
}

TEST_CASE("as root, files that others can change are refused") {
  if (skipped_without_root()) return;
  const TemporaryDirectory directory;
  const std::string main = directory / "everseal.toml";
  const std::string fragment = directory / "conf.d/x.toml";
  write(main, "");
  write(fragment, "");
  const Files all = files(main, "/nowhere");
  CHECK(message_of(all) == "");
  for (const mode_t mode : {0666U, 0664U, 0646U}) {
    REQUIRE(::chmod(fragment.c_str(), mode) == 0);
    CHECK(message_of(all) == fragment + " is writable by others than its owner");
    REQUIRE(::chmod(fragment.c_str(), 0644) == 0);
    REQUIRE(::chmod(main.c_str(), mode) == 0);
    CHECK(message_of(all) != "");
    REQUIRE(::chmod(main.c_str(), 0644) == 0);
  }
  REQUIRE(::chown(fragment.c_str(), 65534, 65534) == 0);
  CHECK(message_of(all) == fragment + " does not belong to root");
  REQUIRE(::chown(fragment.c_str(), 0, 0) == 0);
  REQUIRE(::chmod((directory / "conf.d").c_str(), 0777) == 0);
  CHECK(message_of(all) != "");
  REQUIRE(::chmod((directory / "conf.d").c_str(), 0755) == 0);
  REQUIRE(::chown(directory.path().c_str(), 65534, 65534) == 0);
  CHECK(message_of(all) != "");
}

TEST_CASE("a program with other rights than its caller ignores the caller's environment") {
  if (skipped_without_root()) return;
  const TemporaryDirectory directory;
  write(directory / "x.toml", "");
  REQUIRE(::chmod(directory.path().c_str(), 0755) == 0);
  const Variable named("EVERSEAL_CONFIG", directory / "x.toml");
  const Variable state("EVERSEAL_STATE", "/tmp/elsewhere");
  const Variable home("HOME", directory.path());
  REQUIRE(find_main(std::nullopt) == directory / "x.toml");
  const pid_t child = ::fork();
  if (child == 0) {
    // Real user nobody, effective user root.
    const bool changed = ::setresuid(65534, 0, 0) == 0;
    const bool ignored = find_main(std::nullopt) != directory / "x.toml" && default_state() == "/var/lib/everseal";
    ::_exit(changed && ignored ? 0 : 1);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(status == 0);
}

TEST_CASE("the digest changes with every name and text, and with nothing else") {
  const std::vector<Source> sources{{"/a", "x"}, {"/b", "y"}};
  const std::string before = digest(sources);
  CHECK(before.size() == 64);
  CHECK(digest(sources) == before);
  const std::vector<Source> others[] = {{{"/a", "x"}},
                                        {{"/a", "x"}, {"/b", "z"}},
                                        {{"/a", "x"}, {"/c", "y"}},
                                        {{"/b", "y"}, {"/a", "x"}},
                                        {{"/ax", ""}, {"/b", "y"}},
                                        {}};
  for (const auto& other : others) CHECK(digest(other) != before);
}

TEST_CASE("the state is found without understanding the rest") {
  const struct {
    std::string text;
    std::optional<std::string> state;
  } cases[] = {
      {"state = \"/srv\"", "/srv"},
      {"# state = \"/no\"\nstate='rel/ative'\n[x", "/etc/rel/ative"},
      {"state = \"postgresql://db/everseal\"\n\n[certificate.a]\nbroken", "postgresql://db/everseal"},
      {"keep = 2\n[issuer.x]\nstate = \"/no\"", std::nullopt},
      {"state = 3", std::nullopt},
      {"state = ", std::nullopt},
      {"", std::nullopt},
      {"\n\n   ", std::nullopt},
  };
  for (const auto& [text, state] : cases) {
    CAPTURE(text);
    CHECK(state_of({{"/etc/everseal.toml", text}}) == state);
  }
  CHECK(state_of({{"/a", "keep = 1"}, {"/b", "state = \"/s\""}}) == "/s");
}

Kinds with_corp_alone() {
  Kinds with = kinds();
  with.known_authorities = {Name::parse("corp")};
  return with;
}

Certificate wanted(std::string_view name) {
  return from_normal_form(fmt::format(R"({{"name":"{}","identifiers":["www.example.org"],"issuer":["corp"]}})", name),
                          kinds());
}

void write_fragment(const Files& all, const Certificate& certificate, const Kinds& with) {
  write_change(all, plan_change(all, parse_sources(read(all), with).config, certificate.name,
                                fragment_of(certificate).options, Existing::replaced, with));
}

TEST_CASE("a fragment is written, found, replaced and removed") {
  const TemporaryDirectory directory;
  const Files all = files(std::nullopt, directory / "state");
  const Name name = Name::parse("_.example.org");
  Certificate certificate = wanted("_.example.org");
  CHECK(where_defined(all, name) == DefinedIn::nothing);
  write_fragment(all, certificate, with_corp_alone());
  const std::string path = directory / "state/conf.d/_.example.org.toml";
  CHECK(to_string(parse_sources(read(all), with_corp_alone()).config.certificates.at(name).origin) == path + ":2");
  struct stat status {};
  REQUIRE(::stat(path.c_str(), &status) == 0);
  CHECK((status.st_mode & 07777) == 0644);

  certificate.environment = "prod";
  write_fragment(all, certificate, with_corp_alone());
  const Parsed parsed = parse_sources(read(all), with_corp_alone());
  CHECK(parsed.problems == std::vector<std::string>{});
  CHECK(normal_form(parsed.config.certificates.at(name)) == normal_form(certificate));

  // What would break the config is not written.
  Certificate broken = certificate;
  broken.issuers = {Name::parse("nobody")};
  const std::string before = read(all).front().text;
  CHECK_THROWS_AS(write_fragment(all, broken, with_corp_alone()), base::Error);
  CHECK(read(all).front().text == before);

  CHECK(where_defined(all, name) == DefinedIn::fragment);
  for (int i = 0; i < 2; ++i) CHECK_NOTHROW(remove_fragment(all, name));
  CHECK_FALSE(std::filesystem::exists(path));
}

Fragment issuer_fragment(std::string_view name) {
  return {"issuer",
          Name::parse(name),
          {{"type", base::text_value("acme")}, {"directory", base::text_value("https://acme.example/dir")}}};
}

TEST_CASE("the fragments of a draft are files of their own, which may refer to each other") {
  const TemporaryDirectory directory;
  const Files all = files(std::nullopt, directory / "state");
  Draft draft(all, kinds());
  CHECK(draft.empty());
  const Fragment issuer = issuer_fragment("corp");
  CHECK(draft.read(issuer).issuers.at(issuer.name).options.string("directory") == "https://acme.example/dir");
  draft.add(issuer);
  const Fragment certificate = fragment_of(wanted("www"));
  CHECK(draft.read(certificate).certificates.contains(certificate.name));
  draft.add(certificate);
  CHECK_FALSE(std::filesystem::exists(all.fragments));
  draft.write();
  const std::vector<Source> written = read(all);
  REQUIRE(written.size() == 2);
  CHECK(written[0].path == directory / "state/conf.d/issuer@corp.toml");
  CHECK(written[1].path == directory / "state/conf.d/www.toml");
  const Parsed parsed = parse_sources(written, kinds());
  CHECK(parsed.problems == std::vector<std::string>{});
  CHECK(normal_form(parsed.config.certificates.at(certificate.name)) == normal_form(wanted("www")));
  CHECK(where_defined(all, certificate.name) == DefinedIn::fragment);
}

TEST_CASE("one place is one place, whichever way leads to it") {
  const TemporaryDirectory directory;
  std::filesystem::create_directories(directory / "srv/tls");
  std::filesystem::create_directory_symlink(directory / "srv", directory / "link");
  std::filesystem::create_directory_symlink("srv/tls", directory / "tls");
  const auto table = [](std::string_view name, const std::string& place) {
    return fmt::format(
        "[certificate.{0}]\nidentifiers = '{0}.example.org'\nissuer = 'corp'\n"
        "[certificate.{0}.deploy.x]\ntype = 'files'\ndirectory = '{1}'\nverify = 'none'\n",
        name, place);
  };
  const struct {
    std::string place;
    bool same;
  } rows[] = {
      {directory / "srv/tls", true},          {directory / "link/tls", true},  {directory / "tls", true},
      {directory / "srv/../link/tls/", true}, {directory / "srv//tls", true},  {"/" + (directory / "srv/tls"), true},
      {directory / "srv/other", false},       {directory / "link/not", false}, {directory / "srv", false},
  };
  for (const auto& [place, same] : rows) {
    CAPTURE(place);
    const Parsed parsed = parse_sources(
        {{directory / "all.toml", table("a", directory / "srv/tls") + table("b", place)}}, with_corp_alone());
    CHECK(parsed.problems.empty() == !same);
  }
}

TEST_CASE("what is broken elsewhere keeps nobody from adding or removing a file") {
  struct Row {
    const char* title;
    void (*spoil)(const std::string& fragments);
  };
  const Row rows[] = {
      {"a file that does not parse",
       [](const std::string& fragments) { write(fragments + "/broken.toml", "[certificate.broken\n"); }},
      {"a table that is wrong",
       [](const std::string& fragments) { write(fragments + "/broken.toml", "[certificate.broken]\nx = 1\n"); }},
      {"a reference to nothing",
       [](const std::string& fragments) {
         write(fragments + "/broken.toml",
               "[certificate.broken]\nidentifiers = ['b.example.org']\nissuer = 'nobody'\n");
       }},
      {"what is no file",
       [](const std::string& fragments) { std::filesystem::create_directory(fragments + "/a.toml"); }},
  };
  for (const Row& row : rows) {
    CAPTURE(row.title);
    const TemporaryDirectory directory;
    const Files all = files(std::nullopt, directory / "state");
    std::filesystem::create_directories(all.fragments);
    row.spoil(all.fragments);
    Draft draft(all, with_corp_alone());
    const Fragment certificate = fragment_of(wanted("www"));
    draft.add(certificate);
    CHECK_NOTHROW(draft.write());
    const std::string path = all.fragments + "/www.toml";
    CHECK(std::filesystem::exists(path));
    CHECK(where_defined(all, certificate.name) == DefinedIn::fragment);
    remove_fragment(all, certificate.name);
    CHECK_FALSE(std::filesystem::exists(path));
    // What it brings itself is refused as ever.
    Draft second(all, with_corp_alone());
    second.add(fragment_of(wanted("first")));
    second.add({"challenge", Name::parse("dns"), {{"type", base::text_value("no such")}}});
    CHECK_THROWS_AS(second.write(), base::Error);
    CHECK_FALSE(std::filesystem::exists(all.fragments + "/first.toml"));
    Draft third(all, with_corp_alone());
    Certificate lost = wanted("lost");
    lost.issuers = {Name::parse("nosuch")};
    third.add(fragment_of(lost));
    CHECK_THROWS_AS(third.write(), base::Error);
    CHECK_THROWS_AS(write_fragment(all, lost, with_corp_alone()), base::Error);
    CHECK_FALSE(std::filesystem::exists(all.fragments + "/lost.toml"));
  }
}

TEST_CASE("a draft says what is wrong with a fragment before anything is written") {
  const TemporaryDirectory directory;
  const Files all = files(std::nullopt, directory / "state");
  write(directory / "state/conf.d/issuer@there.toml", "# nothing yet\n");
  Draft draft(all, kinds());
  draft.add({"challenge", Name::parse("www"), {{"type", base::text_value("http-01")}}});
  const std::pair<Fragment, base::Fault> rejects[] = {
      {issuer_fragment("there"), base::Fault::exists},
      {{"issuer", Name::parse("other"), {{"type", base::text_value("acme")}}}, base::Fault::config},
      {{"challenge", Name::parse("web"), {{"type", base::text_value("http-01")}, {"webrot", base::text_value("/srv")}}},
       base::Fault::config},
      {{"challenge",
        Name::parse("web"),
        {{"type", base::text_value("http-01")}, {"webroot", base::text_value("/\xff")}}},
       base::Fault::usage},
      {{"challenge",
        Name::parse("dns"),
        {{"type", base::text_value("dns-01")}, {"provider", base::text_value("nobody")}}},
       base::Fault::config},
  };
  CHECK(draft.is_free(fragment_of(wanted("challenge.www"))));  // a challenge of that name has a file of another
  for (const auto& [fragment, fault] : rejects) {
    CAPTURE(fragment.family);
    CAPTURE(fragment.name.text());
    CHECK(draft.is_free(fragment) == (fault != base::Fault::exists));
    CHECK(error_of([&] { draft.read(fragment); }).fault() == fault);
  }
  // Only all files together show that nobody is called so.
  const Fragment certificate = fragment_of(wanted("db"));
  static_cast<void>(draft.read(certificate));
  draft.add(certificate);
  CHECK(error_of([&] { draft.write(); }).fault() == base::Fault::config);
  CHECK(read(all).size() == 1);
}

TEST_CASE("a draft is written wholly, or after an error not at all; a kill leaves a good config") {
  using Kind = fakes::Mishap::Kind;
  for (const Kind kind : {Kind::error, Kind::kill, Kind::power_cut}) {
    bool is_done = false;
    for (int at = 1; !is_done; ++at) {
      CAPTURE(at);
      const TemporaryDirectory directory;
      std::filesystem::create_directory(directory / "scratch");
      const Files all = files(std::nullopt, directory / "state");
      Draft draft(all, kinds());
      draft.add(issuer_fragment("corp"));
      draft.add(fragment_of(wanted("db")));
      draft.add(fragment_of(wanted("www")));
      const auto end = fakes::run_in_child(directory / "scratch", {kind, at, ENOSPC}, [&] { draft.write(); });
      REQUIRE(end.how != fakes::ChildEnd::How::other);
      is_done = end.how == fakes::ChildEnd::How::done;
      const Parsed left = parse_sources(read(all), kinds());
      CHECK(left.problems == std::vector<std::string>{});
      if (is_done || kind == Kind::error) CHECK(left.config.files.size() == (is_done ? 3 : 0));
    }
  }
}

TEST_CASE("what an operator wrote is neither overwritten nor removed") {
  const TemporaryDirectory directory;
  write(directory / "everseal.toml", "\n[certificate.www]\nidentifiers = [\"a\"]\nissuer = [\"corp\"]\n");
  write(directory / "conf.d/hidden.toml", "[certificate.\"mai\\u006c\"]\nidentifiers = [\"a\"]\nissuer = [\"corp\"]\n");
  write(directory / "conf.d/db.toml",
        "[certificate.db]\nidentifiers = [\"a\"]\n[certificate.other]\nidentifiers = [\"a\"]\n");
  write(directory / "conf.d/issuers.toml", "[issuer.x]\ntype = \"exec\"\n");
  write(directory / "conf.d/broken.toml", "[certificate.broken\n");
  const Files all = files(directory / "everseal.toml", "/nowhere");
  const struct {
    std::string_view name;
    std::string message;
  } rejects[] = {
      {"www", fmt::format("certificate www is defined at {}:2", directory / "everseal.toml")},
      {"mail", fmt::format("certificate mail is defined at {}:1", directory / "conf.d/hidden.toml")},
      {"other", fmt::format("certificate other is defined at {}:3", directory / "conf.d/db.toml")},
      {"db", fmt::format("{} holds something else than certificate db alone", directory / "conf.d/db.toml")},
      {"issuers",
       fmt::format("{} holds something else than certificate issuers alone", directory / "conf.d/issuers.toml")},
  };
  for (const auto& [name, message] : rejects) {
    CAPTURE(name);
    try {
      write_fragment(all, wanted(name), kinds());
      FAIL_CHECK("written");
    } catch (const base::Error& error) {
      CHECK(error.fault() == base::Fault::exists);
      CHECK(error.message() == message);
    }
    CHECK(where_defined(all, Name::parse(name)) != DefinedIn::fragment);
  }
  // What stands in the way is what is wrong with it.
  const base::Error error = error_of([&] { write_fragment(all, wanted("broken"), kinds()); });
  CHECK(error.fault() == base::Fault::config);
  CHECK(error.message().starts_with(fmt::format("{}:", directory / "conf.d/broken.toml")));
  CHECK(error.hint().find("mend it") != std::string::npos);
  CHECK(where_defined(all, Name::parse("broken")) != DefinedIn::fragment);
  CHECK(read(all).size() == 5);
}

TEST_CASE("where the caller may not write, the error says what to do") {
  const Files all{std::nullopt, "/proc/everseal/conf.d"};
  try {
    write_fragment(all, wanted("www"), with_corp_alone());
    FAIL("written");
  } catch (const base::Error& error) {
    CHECK(error.fault() == base::Fault::io);
    CHECK(error.message().starts_with("keep certificate www in the config: cannot "));
    CHECK(error.hint() == "run it as a user who may write there, or change [certificate.www] by hand");
  }
}

}  // namespace
}  // namespace everseal::config
