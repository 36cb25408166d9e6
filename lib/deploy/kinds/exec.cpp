// A command that deploys by itself: to a load balancer's API, an appliance, a device. It is told everything in its
// environment and must be idempotent.
//
// What is at the other end is known to the command alone. So this target knows only what it did itself since it was
// opened: has() says what was staged and current() what was switched to; both are forgotten with the object. The caller
// remembers what is deployed, and stages a version again before it switches to it.
#include "base/error.h"
#include "base/file.h"
#include "deploy/deploy.h"
#include "deploy/hook.h"
#include "deploy/material.h"

#include <array>
#include <cerrno>
#include <cstdlib>
#include <map>
#include <set>

#include <fmt/format.h>

namespace everseal::deploy {
namespace {

using base::Directory;
using base::Error;
using base::Fault;
using base::Option;
using base::OptionType;

constexpr std::array<Option, 3> kOptions{{
    {.name = "command",
     .type = OptionType::command,
     .summary = "deploys; is told what through EVERSEAL_... in its environment",
     .required = true},
    {.name = "timeout", .type = OptionType::duration, .summary = "how long it may take", .fallback = "60s"},
    {.name = "user", .summary = "run it as this user, who must be able to read the archive"},
}};

// A directory that only `user` can enter, gone when this ends.
class Handover {
 public:
  explicit Handover(const std::optional<std::string>& user) : path_(make()), directory_(Directory::open(path_)) {
    if (!user) return;
    ownership_ = base::parse_ownership(*user, 0600);
    if (!ownership_.user) throw Error(Fault::config, fmt::format("'{}' is not a user", base::printable(*user)));
    base::file_system().change_owner(directory_.descriptor(), *ownership_.user, static_cast<gid_t>(-1));
  }
  Handover(const Handover&) = delete;
  Handover& operator=(const Handover&) = delete;
  ~Handover() {
    try {
      for (const std::string& name : directory_.list()) directory_.remove_tree(name);
      Directory::open("/tmp").remove_tree(path_.substr(path_.rfind('/') + 1));
    } catch (const Error&) {
      // Nothing in it is secret, and /tmp is emptied at the next start.
    }
  }

  const std::string& path() const noexcept { return path_; }
  std::string put(const std::string& name, base::BytesView bytes) const {
    directory_.write_new(name, bytes, ownership_);
    return fmt::format("{}/{}", path_, name);
  }

 private:
  static std::string make() {
    std::string path = "/tmp/everseal-XXXXXX";
    if (::mkdtemp(path.data()) == nullptr) throw base::errno_error("make the directory", path);
    return path;
  }

  std::string path_;
  Directory directory_;
  base::Ownership ownership_{.user = {}, .group = {}, .mode = 0600};
};

// What is needed of an artifact after stage() has returned: paths for a certificate, contents for a CRL and trust
// bundle.
struct Staged {
  std::string directory;
  bool has_certificate = false;
  bool has_key = false;
  std::map<std::string, base::Secret> files;  // by the environment variable that gives the path
};

class ExecTarget final : public Target {
 public:
  ExecTarget(const base::Options& options, const Name& name) : name_(name), hook_(read_hook(options, "command")) {}

  void stage(const Artifact& artifact) override {
    Staged staged{.directory = artifact.directory,
                  .has_certificate = !artifact.chain.empty(),
                  .has_key = artifact.key_pem != nullptr,
                  .files = {}};
    if (staged.has_certificate && staged.directory.empty())
      throw Error(Fault::internal, fmt::format("version {} of {} has no directory", artifact.number, name_));
    if (!artifact.crl.empty()) {
      staged.files.emplace("EVERSEAL_CRL", render(Content::crl, artifact, {}));
      staged.files.emplace("EVERSEAL_CRL_PEM", render(Content::crl_pem, artifact, {}));
    }
    if (!artifact.bundle.empty()) staged.files.emplace("EVERSEAL_BUNDLE", render(Content::bundle, artifact, {}));
    staged_.insert_or_assign(artifact.number, std::move(staged));
  }

  void switch_to(std::int64_t number) override {
    const auto found = staged_.find(number);
    if (found == staged_.end())
      throw Error(Fault::not_found, fmt::format("version {} of {} is not staged", number, name_));
    const base::Exit exit = deploy(number, found->second);
    if (!exit.success())
      throw Error(Fault::io, fmt::format("{} {}", base::printable(hook_.argv.front()), base::describe(exit)),
                  "run it by hand with the same EVERSEAL_ variables to see why");
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
  void remove() override {
    staged_.clear();
    current_.reset();
  }

  std::optional<base::Bytes> read_back(std::string_view) const override { return std::nullopt; }
  bool stands(std::int64_t) const override { return true; }
  std::vector<std::string> differences(const Artifact&) const override { return {}; }

 private:
  base::Exit deploy(std::int64_t number, const Staged& staged) const {
    Environment environment{
        {"EVERSEAL_ACTION", "deploy"}, {"EVERSEAL_NAME", name_.text()}, {"EVERSEAL_VERSION", std::to_string(number)}};
    std::optional<Handover> handover;
    if (!staged.files.empty()) handover.emplace(hook_.user);
    if (staged.has_certificate)
      add_certificate(staged, environment);
    else if (handover)
      environment.emplace_back("EVERSEAL_DIRECTORY", handover->path());
    for (const auto& [variable, content] : staged.files)
      environment.emplace_back(variable, handover->put(file_of(variable), content.reveal()));
    return run(hook_, std::move(environment), {});
  }

  static void add_certificate(const Staged& staged, Environment& environment) {
    const auto path = [&](const char* file) { return fmt::format("{}/{}", staged.directory, file); };
    environment.emplace_back("EVERSEAL_DIRECTORY", staged.directory);
    environment.emplace_back("EVERSEAL_CERT", path("cert.pem"));
    environment.emplace_back("EVERSEAL_CHAIN", path("chain.pem"));
    environment.emplace_back("EVERSEAL_FULLCHAIN", path("fullchain.pem"));
    if (staged.has_key) environment.emplace_back("EVERSEAL_PRIVKEY", path("privkey.pem"));
  }

  std::string file_of(const std::string& variable) const {
    if (variable == "EVERSEAL_CRL") return default_file_name(Content::crl, name_);
    if (variable == "EVERSEAL_CRL_PEM") return default_file_name(Content::crl_pem, name_);
    return default_file_name(Content::bundle, name_);
  }

  Name name_;
  Hook hook_;
  std::map<std::int64_t, Staged> staged_;
  std::optional<std::int64_t> current_;
};

std::vector<std::string> check(const base::Options& options, const Name&, std::vector<std::string>&) {
  const std::string why = objection(read_hook(options, "command"));
  if (why.empty()) return {};
  return {fmt::format("command: {}", why)};
}

std::unique_ptr<Target> open(const base::Options& options, const Name& owner) {
  return std::make_unique<ExecTarget>(options, owner);
}

}  // namespace

extern const Kind exec_kind;
const Kind exec_kind{
    .name = "exec",
    .summary = "a command of yours that deploys by itself",
    .options = kOptions,
    .check = check,
    .open = open,
};

}  // namespace everseal::deploy
