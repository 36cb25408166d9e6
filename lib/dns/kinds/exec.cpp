// A program sets and removes the record; hooks that were written for other clients work unchanged.
#include "base/error.h"
#include "base/process.h"
#include "base/text.h"
#include "dns/dns.h"

#include <map>

#include <fmt/format.h>

namespace everseal::dns {
namespace {

using base::OptionType;

constexpr std::string_view kFormats[] = {"everseal", "lego", "lego-raw", "certbot", "dehydrated"};

constexpr base::Option kExecOptions[] = {
    {.name = "command",
     .type = OptionType::command,
     .summary = "the program and its arguments; with certbot hooks the one that sets the record",
     .required = true},
    {.name = "cleanup_command", .type = OptionType::command, .summary = "with certbot hooks the one that removes it"},
    {.name = "format",
     .type = OptionType::choice,
     .summary = "how it is called: as everseal does, or as lego (exec, default or RAW mode), certbot (manual hooks) or "
                "dehydrated do",
     .fallback = "everseal",
     .choices = kFormats},
    {.name = "timeout", .type = OptionType::duration, .summary = "how long it may take", .fallback = "2m"},
    {.name = "user", .type = OptionType::user, .summary = "the user it runs as (root only)"},
};

constexpr base::Variable kVariables[] = {
    {.name = "EVERSEAL_ACTION", .summary = "add or remove, also its first argument; these five in format everseal"},
    {.name = "EVERSEAL_RECORD", .summary = "where the TXT record is to stand: _acme-challenge.www.example.org"},
    {.name = "EVERSEAL_ZONE", .summary = "the zone that holds it: example.org"},
    {.name = "EVERSEAL_VALUE", .summary = "its value"},
    {.name = "EVERSEAL_DOMAIN", .summary = "the name that is proved: www.example.org"},
    {.name = "CERTBOT_DOMAIN", .summary = "the name that is proved; these five in format certbot"},
    {.name = "CERTBOT_VALIDATION", .summary = "the record's value"},
    {.name = "CERTBOT_ALL_DOMAINS",
     .summary = "all names, separated by commas; absent where they take more than 64 KiB"},
    {.name = "CERTBOT_REMAINING_CHALLENGES", .summary = "how many records are still to be set"},
    {.name = "CERTBOT_AUTH_OUTPUT", .summary = "cleanup_command alone: what the other one wrote"},
};

// Only everseal's own format tells it.
bool needs_zone(const base::Options& options) { return options.string("format") == "everseal"; }

// The kernel takes no longer variable than 128 KiB, and none with a NUL.
constexpr std::size_t kLongestVariable = 64 << 10;

std::string for_environment(std::string_view output) {
  std::string text(output.substr(0, kLongestVariable));
  std::erase(text, '\0');
  return std::string(base::trim(text));
}

enum class Doing { add, remove };

class ExecProvider final : public Provider {
 public:
  explicit ExecProvider(const base::Options& options)
      : command_(options.strings("command")),
        cleanup_command_(options.strings("cleanup_command")),
        format_(options.string("format")),
        timeout_(options.duration("timeout").value()) {
    if (options.has("user")) user_ = options.string("user");
  }

  void add(const TxtRecord& record, std::stop_token stop) override { run(record, Doing::add, stop); }

  void remove(const TxtRecord& record, std::stop_token stop) override {
    if (format_ == "certbot" && cleanup_command_.empty()) return;
    run(record, Doing::remove, stop);
  }

 private:
  // Arguments and environment are those that each client documents for its hooks.
  void call_as(base::Command& command, const TxtRecord& record, Doing doing) const {
    const bool adds = doing == Doing::add;
    const auto append = [&](std::initializer_list<std::string> words) {
      command.argv.insert(command.argv.end(), words);
    };
    if (format_ == "lego") {
      append({adds ? "present" : "cleanup", record.name + ".", record.value});
    } else if (format_ == "lego-raw") {
      append({adds ? "present" : "cleanup", "--", record.domain, record.token, record.key_authorization});
    } else if (format_ == "dehydrated") {
      append({adds ? "deploy_challenge" : "clean_challenge", record.domain, record.token, record.value});
    } else if (format_ == "certbot") {
      command.environment.emplace_back("CERTBOT_DOMAIN", record.domain);
      command.environment.emplace_back("CERTBOT_VALIDATION", record.value);
      if (std::string all = base::join(record.all_domains, ","); all.size() <= kLongestVariable)
        command.environment.emplace_back("CERTBOT_ALL_DOMAINS", std::move(all));
      command.environment.emplace_back("CERTBOT_REMAINING_CHALLENGES", std::to_string(record.remaining));
      if (const auto said = outputs_.find({record.name, record.value}); !adds)
        command.environment.emplace_back("CERTBOT_AUTH_OUTPUT", said == outputs_.end() ? "" : said->second);
    } else {
      append({adds ? "add" : "remove"});
      command.environment.emplace_back("EVERSEAL_ACTION", adds ? "add" : "remove");
      command.environment.emplace_back("EVERSEAL_RECORD", record.name);
      command.environment.emplace_back("EVERSEAL_ZONE", record.zone);
      command.environment.emplace_back("EVERSEAL_VALUE", record.value);
      command.environment.emplace_back("EVERSEAL_DOMAIN", record.domain);
    }
  }

  void run(const TxtRecord& record, Doing doing, const std::stop_token& stop) {
    base::Command command;
    command.argv = doing == Doing::remove && !cleanup_command_.empty() ? cleanup_command_ : command_;
    command.timeout = timeout_;
    command.user = user_;
    call_as(command, record, doing);
    base::require_trusted_executable(command.argv.front());
    const base::Exit exit = base::run(command, stop);
    if (doing == Doing::add) outputs_[{record.name, record.value}] = for_environment(exit.output);
    if (exit.success()) return;
    const auto fault = exit.how == base::Exit::How::timed_out   ? base::Fault::timed_out
                       : exit.how == base::Exit::How::cancelled ? base::Fault::cancelled
                                                                : base::Fault::unreachable;
    throw base::Error(fault, fmt::format("{} {}", command.argv.front(), describe(exit)));
  }

  std::vector<std::string> command_;
  std::vector<std::string> cleanup_command_;
  std::string format_;
  base::Seconds timeout_;
  std::optional<std::string> user_;
  std::map<std::pair<std::string, std::string>, std::string> outputs_;  // of what set a name's value
};

std::unique_ptr<Provider> open_exec(const base::Options& options) { return std::make_unique<ExecProvider>(options); }

}  // namespace

extern const Kind exec_kind;
const Kind exec_kind{.name = "exec",
                     .summary = "a program that sets and removes the record",
                     .options = kExecOptions,
                     .open = open_exec,
                     .variables = kVariables,
                     .needs_zone = needs_zone};

}  // namespace everseal::dns
