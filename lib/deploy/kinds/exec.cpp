// A command that deploys by itself: to a load balancer's API, an appliance, a device. It is told everything in its
// environment and must be idempotent.
//
// What is at the other end is known to the command alone. So this target knows only what it did itself since it was
// opened: has() says what was staged and current() what was switched to; both are forgotten with the object. The caller
// remembers what is deployed, and stages a version again before it switches to it.
#include "base/error.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "deploy/deploy.h"
#include "deploy/hook.h"
#include "deploy/material.h"

#include <array>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <set>
#include <vector>

#include <fmt/format.h>
#include <sys/file.h>

namespace everseal::deploy {
namespace {

namespace fs = std::filesystem;

using base::Directory;
using base::Error;
using base::Fault;
using base::Option;
using base::OptionType;

constexpr std::array<Option, 3> kExecOptions{{
    {.name = "command",
     .type = OptionType::command,
     .summary = "deploys; is told what through EVERSEAL_... in its environment",
     .required = true},
    {.name = "timeout", .type = OptionType::duration, .summary = "how long it may take", .fallback = "60s"},
    {.name = "user",
     .type = OptionType::user,
     .summary = "run it as this user, who gets copies of the files, in a directory of his own"},
}};

constexpr std::array<base::Variable, 11> kExecVariables{{
    {.name = "EVERSEAL_ACTION", .summary = "deploy"},
    {.name = "EVERSEAL_NAME", .summary = "the certificate, or the authority whose CRL and bundle are published"},
    {.name = "EVERSEAL_VERSION", .summary = "its version; a higher one is newer"},
    {.name = "EVERSEAL_DIRECTORY",
     .summary = "the directory of the files below; gone when the command ends where it has a user"},
    {.name = "EVERSEAL_CERT", .summary = "file with the certificate alone (PEM)"},
    {.name = "EVERSEAL_CHAIN", .summary = "file with what is between it and the root (PEM)"},
    {.name = "EVERSEAL_FULLCHAIN", .summary = "file with both (PEM)"},
    {.name = "EVERSEAL_PRIVKEY", .summary = "file with the private key (PEM); absent where the key is not ours"},
    {.name = "EVERSEAL_CRL",
     .summary = "file with the CRL (DER), instead of the four above; gone when the command ends"},
    {.name = "EVERSEAL_CRL_PEM", .summary = "the same in PEM"},
    {.name = "EVERSEAL_BUNDLE", .summary = "file with the trust anchors (PEM)"},
}};

constexpr std::string_view kPrefix = "everseal-";

// Held while the command works, so that what a killed run left can be told from what is in use.
bool lock_directory(const Directory& directory) { return ::flock(directory.descriptor(), LOCK_EX | LOCK_NB) == 0; }

// A directory that only the hook's user can enter, gone when this ends. What another user gets may be a private key:
// that lies in /run, which is memory, where what a killed run left is taken away by the next one.
class Handover {
 public:
  explicit Handover(const std::optional<std::string>& user)
      : base_(user && fs::is_directory("/run") ? "/run" : "/tmp"),
        path_(make(base_)),
        directory_(Directory::open(path_)) {
    lock_directory(directory_);
    if (!user) return;
    ownership_ = base::parse_ownership(*user, 0600);
    if (!ownership_.user) throw Error(Fault::config, fmt::format("'{}' is not a user", base::printable(*user)));
    base::file_system().change_owner(directory_.descriptor(), *ownership_.user, static_cast<gid_t>(-1));
    if (base_ == "/run") remove_left_behind();
  }
  Handover(const Handover&) = delete;
  Handover& operator=(const Handover&) = delete;
  ~Handover() {
    try {
      Directory::open(base_).remove_tree(path_.substr(path_.rfind('/') + 1));
    } catch (const Error& error) {
      base::log::warn("{} is left behind: {}", path_, error.message());
    }
  }

  const std::string& path() const noexcept { return path_; }
  std::string put(const std::string& name, base::BytesView bytes) const {
    directory_.write_new(name, bytes, ownership_);
    return fmt::format("{}/{}", path_, name);
  }

 private:
  static std::string make(const std::string& base) {
    std::string path = fmt::format("{}/{}XXXXXX", base, kPrefix);
    if (::mkdtemp(path.data()) == nullptr) throw base::errno_error("make the directory", path);
    return path;
  }

  void remove_left_behind() const {
    const Directory everyones = Directory::open(base_);
    for (const std::string& name : everyones.list()) {
      if (!name.starts_with(kPrefix) || name.size() != kPrefix.size() + 6) continue;
      const auto other = everyones.subdirectory_if_exists(name);
      if (other && lock_directory(*other)) everyones.remove_tree(name);
    }
  }

  std::string base_;
  std::string path_;
  Directory directory_;
  base::Ownership ownership_{.user = {}, .group = {}, .mode = 0600};
};

// What is handed over: the variable that gives its path, its file's name, and what it holds.
struct Piece {
  std::string variable;
  std::string file;
  base::Secret content;
};

// What is needed of an artifact after stage() has returned: the directory in the archive where the command can read it,
// contents otherwise.
struct Staged {
  std::string directory;
  bool has_key = false;
  std::vector<Piece> pieces;
};

class ExecTarget final : public Target {
 public:
  ExecTarget(const base::Options& options, const Name& name) : name_(name), hook_(read_hook(options, "command")) {}

  void stage(const Artifact& artifact) override {
    Staged staged{.directory = {}, .has_key = artifact.key_pem != nullptr, .pieces = {}};
    const auto add = [&](const char* variable, Content content) {
      staged.pieces.push_back({variable, default_file_name(content, name_), render(content, artifact, {})});
    };
    if (!artifact.chain.empty() && hook_.user) {
      add("EVERSEAL_CERT", Content::cert);
      add("EVERSEAL_CHAIN", Content::chain);
      add("EVERSEAL_FULLCHAIN", Content::fullchain);
      if (staged.has_key) add("EVERSEAL_PRIVKEY", Content::privkey);
    } else if (!artifact.chain.empty()) {
      if (artifact.directory.empty())
        throw Error(Fault::internal, fmt::format("version {} of {} has no directory", artifact.number, name_));
      staged.directory = artifact.directory;
    }
    if (!artifact.crl.empty()) {
      add("EVERSEAL_CRL", Content::crl);
      add("EVERSEAL_CRL_PEM", Content::crl_pem);
    }
    if (!artifact.bundle.empty()) add("EVERSEAL_BUNDLE", Content::bundle);
    staged_.insert_or_assign(artifact.number, std::move(staged));
  }

  void switch_to(std::int64_t number, std::stop_token stop) override {
    const auto found = staged_.find(number);
    if (found == staged_.end())
      throw Error(Fault::not_found, fmt::format("version {} of {} is not staged", number, name_));
    const base::Exit exit = deploy(number, found->second, std::move(stop));
    if (!exit.success())
      throw Error(exit.how == base::Exit::How::cancelled ? Fault::cancelled : Fault::io,
                  fmt::format("{} {}", base::printable(hook_.argv.front()), base::describe(exit)),
                  "run it by hand to see why; `everseal kinds deploy` lists the EVERSEAL_ variables that it is told");
    current_ = number;
  }

  std::optional<std::int64_t> current() const override { return current_; }
  bool has(std::int64_t number) const override { return staged_.contains(number); }
  std::optional<base::Exit> reload(std::stop_token) override { return std::nullopt; }

  void prune(std::span<const std::int64_t> keep) override {
    const std::set<std::int64_t> kept(keep.begin(), keep.end());
    std::erase_if(staged_, [&](const auto& one) { return !kept.contains(one.first) && one.first != current_; });
  }

  // Only this object's memory: there is no command for taking away.
  bool remove() override {
    const bool was_there = !staged_.empty() || current_;
    staged_.clear();
    current_.reset();
    return was_there;
  }

  bool reads_back() const noexcept override { return false; }
  std::vector<std::string> paths() const override { return {}; }
  bool stands(std::int64_t) const override { return true; }
  std::vector<Name> occupants() const override { return {}; }
  std::vector<std::string> differences(const Artifact&) const override { return {}; }

 private:
  base::Exit deploy(std::int64_t number, const Staged& staged, std::stop_token stop) const {
    Environment environment{
        {"EVERSEAL_ACTION", "deploy"}, {"EVERSEAL_NAME", name_.text()}, {"EVERSEAL_VERSION", std::to_string(number)}};
    std::optional<Handover> handover;
    if (!staged.pieces.empty()) handover.emplace(hook_.user);
    if (!staged.directory.empty())
      add_archived(staged, environment);
    else if (handover)
      environment.emplace_back("EVERSEAL_DIRECTORY", handover->path());
    for (const Piece& piece : staged.pieces)
      environment.emplace_back(piece.variable, handover->put(piece.file, piece.content.reveal()));
    return run(hook_, std::move(environment), std::move(stop));
  }

  static void add_archived(const Staged& staged, Environment& environment) {
    const auto path = [&](const char* file) { return fmt::format("{}/{}", staged.directory, file); };
    environment.emplace_back("EVERSEAL_DIRECTORY", staged.directory);
    environment.emplace_back("EVERSEAL_CERT", path("cert.pem"));
    environment.emplace_back("EVERSEAL_CHAIN", path("chain.pem"));
    environment.emplace_back("EVERSEAL_FULLCHAIN", path("fullchain.pem"));
    if (staged.has_key) environment.emplace_back("EVERSEAL_PRIVKEY", path("privkey.pem"));
  }

  Name name_;
  Hook hook_;
  std::map<std::int64_t, Staged> staged_;
  std::optional<std::int64_t> current_;
};

std::unique_ptr<Target> open_exec(const base::Options& options, const Name& owner) {
  return std::make_unique<ExecTarget>(options, owner);
}

}  // namespace

extern const Kind exec_kind;
const Kind exec_kind{
    .name = "exec",
    .summary = "a command of yours that deploys by itself",
    .options = kExecOptions,
    .open = open_exec,
    .variables = kExecVariables,
};

}  // namespace everseal::deploy
