// A program signs: the CSR (PEM) on its stdin, the chain (PEM) on its stdout. `everseal ca sign -` behind an ssh forced
// command is one.
#include "base/error.h"
#include "base/process.h"
#include "issuer/issuer.h"
#include "pki/csr.h"

#include <fmt/format.h>

namespace everseal::issuer {
namespace {

using base::OptionType;

constexpr base::Option kExecOptions[] = {
    {.name = "command",
     .type = OptionType::command,
     .summary = "the program and its arguments; reads a CSR in PEM, writes the chain in PEM",
     .required = true},
    {.name = "revoke_command",
     .type = OptionType::command,
     .summary = "the program that revokes; reads the certificate in PEM, gets the reason in EVERSEAL_REASON"},
    {.name = "timeout", .type = OptionType::duration, .summary = "how long it may take", .fallback = "2m"},
    {.name = "user", .type = OptionType::user, .summary = "the user it runs as (root only)"},
};

constexpr base::Variable kVariables[] = {
    {.name = "EVERSEAL_NAME", .summary = "the certificate's name in the config"},
    {.name = "EVERSEAL_VERSION", .summary = "the number of the version that is wanted"},
    {.name = "EVERSEAL_IDENTIFIERS",
     .summary = "its names, separated by commas; absent where they take more than 64 KiB: "
                "the CSR has them all"},
    {.name = "EVERSEAL_PROFILE", .summary = "the profile that is wanted, where one is"},
    {.name = "EVERSEAL_LIFETIME", .summary = "the lifetime that is wanted, as 90d or 36h, where one is"},
    {.name = "EVERSEAL_REASON", .summary = "revoke_command alone: why, in the words of RFC 5280"},
    {.name = "EVERSEAL_SERIAL", .summary = "revoke_command alone: the serial number in hex"},
};

constexpr std::size_t kLargestAnswer = 1 << 20;
constexpr std::size_t kLongestList = 64 << 10;  // the kernel takes no longer variable than 128 KiB

class ExecIssuer final : public Issuer {
 public:
  explicit ExecIssuer(const base::Options& options)
      : command_(options.strings("command")), revoke_command_(options.strings("revoke_command")) {
    timeout_ = options.duration("timeout").value();
    if (options.has("user")) user_ = options.string("user");
  }

  Issued issue(const Request& request, base::Time, std::stop_token stop) override {
    const std::string csr = pki::csr_pem(request.csr);
    base::Command command = prepare(command_, csr);
    command.environment.emplace_back("EVERSEAL_NAME", request.managed.text());
    command.environment.emplace_back("EVERSEAL_VERSION", std::to_string(request.version));
    if (std::string names = pki::to_string(request.identifiers); names.size() <= kLongestList)
      command.environment.emplace_back("EVERSEAL_IDENTIFIERS", std::move(names));
    if (request.profile) command.environment.emplace_back("EVERSEAL_PROFILE", *request.profile);
    if (request.lifetime)
      command.environment.emplace_back("EVERSEAL_LIFETIME", base::format_duration(*request.lifetime));
    const base::Exit exit = run(command, stop);
    if (exit.truncated)
      throw base::Error(base::Fault::invalid, fmt::format("{} wrote more than 1 MiB", command_.front()),
                        "it is to write the certificate and its chain as PEM, and nothing else");
    return {base::within(fmt::format("output of {}", command_.front()),
                         [&] { return pki::Certificate::parse_all(base::as_bytes(exit.output)); }),
            {}};
  }

  void revoke(const Revocation& revocation, base::Time, std::stop_token stop) override {
    if (revoke_command_.empty())
      throw base::Error(base::Fault::denied, "this issuer cannot revoke",
                        "give its `revoke_command`, or revoke at the CA itself");
    base::Command command = prepare(revoke_command_, revocation.certificate.pem());
    command.environment.emplace_back("EVERSEAL_REASON", to_string(revocation.reason));
    command.environment.emplace_back("EVERSEAL_SERIAL", revocation.certificate.serial());
    run(command, stop);
  }

 private:
  base::Command prepare(const std::vector<std::string>& argv, const std::string& input) const {
    base::Command command;
    command.argv = argv;
    command.input = base::to_bytes(input);
    command.timeout = timeout_;
    command.user = user_;
    command.output_limit = kLargestAnswer;
    return command;
  }

  static base::Exit run(const base::Command& command, std::stop_token stop) {
    base::require_trusted_executable(command.argv.front());
    base::Exit exit = base::run(command, stop);
    if (exit.success()) return exit;
    const auto fault = exit.how == base::Exit::How::timed_out   ? base::Fault::timed_out
                       : exit.how == base::Exit::How::cancelled ? base::Fault::cancelled
                                                                : base::Fault::unreachable;
    throw base::Error(fault, fmt::format("{} {}", command.argv.front(), describe(exit)),
                      "`-v` shows the command as it is run; the next run runs it again");
  }

  std::vector<std::string> command_;
  std::vector<std::string> revoke_command_;
  base::Seconds timeout_{};
  std::optional<std::string> user_;
};

std::unique_ptr<Issuer> open_exec(const Name&, const base::Options& options, const Surroundings&) {
  return std::make_unique<ExecIssuer>(options);
}

}  // namespace

extern const Kind exec_kind;
const Kind exec_kind{.name = "exec",
                     .summary = "a program that reads a CSR and writes the chain",
                     .options = kExecOptions,
                     .open = open_exec,
                     .variables = kVariables};

}  // namespace everseal::issuer
