#include "command.h"
#include "reconcile/verbs/deploy.h"

namespace everseal::cli {
namespace {

constexpr Argument kArguments[] = {
    {.name = "NAME", .summary = "these certificates; default: all that have a listener", .type = ArgumentType::values}};

int run(Context& context) {
  reconcile::VerifyRequest request;
  for (const std::string& name : context.arguments.all("NAME"))
    request.names.push_back(base::Name::parse(name, "certificate name"));
  return show(context, reconcile::verify(context.host(), request));
}

}  // namespace

extern const Command verify_command;
const Command verify_command{"verify", Group::certificates, "look at what the listeners serve, by a handshake",
                             "",       kArguments,          run};

}  // namespace everseal::cli
