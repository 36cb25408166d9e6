#include "system/site.h"

#include "pki/digest.h"

#include <algorithm>
#include <memory>
#include <stdexcept>

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

namespace everseal::system {

namespace fs = std::filesystem;

void require_status(const base::Exit& exit, int status) {
  INFO("expected status ", status, ", but it ", transcript(exit));
  REQUIRE(exit.how == base::Exit::How::exited);
  REQUIRE(exit.status == status);
}

std::string digest_of_tree(const std::string& directory) {
  std::vector<std::string> lines;
  for (const auto& entry : fs::recursive_directory_iterator(directory)) {
    struct stat status {};
    if (::lstat(entry.path().c_str(), &status) != 0)
      throw std::runtime_error("cannot look at " + entry.path().string());
    std::string line = fmt::format("{} {} {:o}", entry.path().string(), status.st_uid, status.st_mode);
    if (entry.is_symlink())
      line += " -> " + fs::read_symlink(entry.path()).string();
    else if (entry.is_regular_file())
      line += " " + base::hex(pki::sha256(base::as_bytes(read_text(entry.path().string()))));
    lines.push_back(std::move(line));
  }
  std::ranges::sort(lines);
  std::string all;
  for (const std::string& line : lines) all += line + "\n";
  return base::hex(pki::sha256(base::as_bytes(all)));
}

void Site::lose_database() const {
  for (const char* end : {"", "-wal", "-shm"}) fs::remove(state() + "/everseal.db" + end);
  fs::remove_all(state() + "/backups");
}

std::string serial_of(const std::string& certificate_file) {
  return pki::Certificate::parse_all(base::as_bytes(read_text(certificate_file))).front().serial();
}

std::string certificate_table(const std::string& name, const std::string& more) {
  return fmt::format("\n[certificate.{}]\nissuer = [\"demo\"]\nidentifiers = [\"localhost\", \"127.0.0.1\"]\n{}\n",
                     name, more);
}

std::string deploy_table(const FilesTable& table) {
  std::string text = fmt::format("\n[certificate.{}.deploy.{}]\ntype = \"files\"\ndirectory = \"{}\"\n",
                                 table.certificate, table.target, table.directory);
  if (!table.reload.empty()) text += fmt::format("reload = [\"{}\"]\n", table.reload);
  text += table.verify.empty() ? std::string("verify = \"none\"\n") : fmt::format("verify = [\"{}\"]\n", table.verify);
  return text + table.more + "\n";
}

Site::Site(Ca ca) {
  ::chmod(path().c_str(), 0755);  // servers and hooks run as users of their own
  fs::create_directory(*this / "config");
  configure("");
  if (ca == Ca::none) return;
  write_text(*this / "root.passphrase", "correct horse battery staple\n", 0600);
  // Made once for all tests of a program, which take copies: to encrypt a key takes longer than most of them.
  static std::unique_ptr<fakes::TemporaryDirectory> made;
  const auto copy = fs::copy_options::recursive | fs::copy_options::copy_symlinks;
  if (made) {
    fs::copy(*made / "state", state(), copy);
    return;
  }
  require_status(everseal({"ca", "init", "demo", "--root-passphrase-file", *this / "root.passphrase"}), 0);
  auto kept = std::make_unique<fakes::TemporaryDirectory>();
  fs::copy(state(), *kept / "state", copy);
  made = std::move(kept);
}

void Site::configure(const std::string& tables) const {
  write_text(config_file(), fmt::format("config_version = 1\nstate = \"{}\"\n{}", state(), tables));
}

std::string Site::script(const std::string& name, const std::string& body) const {
  const std::string file = *this / name;
  write_text(file, "#!/bin/sh\n" + body + "\n", 0755);
  return file;
}

std::string Site::server_directory(const std::string& name, const std::string& owner) const {
  const std::string made = *this / name;
  fs::create_directories(made);
  run_or_fail({"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days",
               "30", "-subj", "/CN=localhost", "-keyout", made + "/privkey.pem", "-out", made + "/fullchain.pem"});
  write_text(made + "/combined.pem", read_text(made + "/fullchain.pem") + read_text(made + "/privkey.pem"), 0600);
  run_or_fail({"chown", "-R", owner, made});
  return made;
}

Words Site::command(Words words) const {
  words.insert(words.begin(), {EVERSEAL_PROGRAM, "--config", config_file()});
  return words;
}

base::Exit Site::everseal(Words words, const base::Command& how) const { return run(command(std::move(words)), how); }

Json Site::json(Words words) const {
  words.emplace_back("--json");
  return Json::parse(run_or_fail(command(std::move(words)), {.output_limit = 64 << 20}));
}

std::vector<Json> Site::events(const std::string& name) const {
  return json({"history", name}).at("events").get<std::vector<Json>>();
}

std::size_t Site::count_events(const std::string& name, const std::string& action) const {
  return static_cast<std::size_t>(
      std::ranges::count_if(events(name), [&](const Json& event) { return event.at("action") == action; }));
}

Json Site::deployment(const std::string& name, const std::string& target) const {
  const Json shown = json({"show", name});
  for (const Json& one : shown.at("deployments"))
    if (one.at("target") == target) return one;
  return Json::object();
}

std::string Site::deployment_state(const std::string& name, const std::string& target) const {
  return deployment(name, target).value("state", "absent");
}

std::size_t Site::count_versions(const std::string& name) const {
  const Json shown = json({"show", name});
  return static_cast<std::size_t>(
      std::ranges::count_if(shown.at("versions"), [](const Json& version) { return version.contains("certificate"); }));
}

std::size_t Site::count_leaves() const {
  const Json listed = json({"list", "--all"}).at("certificates");
  return static_cast<std::size_t>(
      std::ranges::count_if(listed, [](const Json& row) { return !row.at("version").is_null(); }));
}

std::size_t Site::count_signed() const {
  const Json all = json({"history"}).at("events");
  return static_cast<std::size_t>(
      std::ranges::count_if(all, [](const Json& event) { return event.at("action") == "certificate.signed"; }));
}

std::string Site::live_serial(const std::string& name) const {
  return serial_of(fmt::format("{}/live/{}/cert.pem", state(), name));
}

}  // namespace everseal::system
