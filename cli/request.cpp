// From what the command line said to a request.
#include "reconcile/request.h"

#include "base/error.h"
#include "base/number.h"
#include "base/text.h"
#include "command.h"
#include "config/load.h"

#include <algorithm>

#include <fmt/format.h>

namespace everseal::cli {
namespace {

using base::OptionType;

ArgumentType type_of(const base::Option& field) {
  switch (field.type) {
    case OptionType::boolean:
      return ArgumentType::flag;
    case OptionType::names:
    case OptionType::servers:
      return ArgumentType::values;
    default:
      return ArgumentType::value;
  }
}

std::string_view value_of(const base::Option& field) {
  switch (field.type) {
    case OptionType::integer:
      return "N";
    case OptionType::duration:
      return "90d";
    case OptionType::path:
    case OptionType::secret_file:
      return "FILE";
    case OptionType::directory:
      return "DIR";
    case OptionType::mode:
      return "MODE";
    case OptionType::owner:
      return "OWNER";
    case OptionType::command:
      return "'CMD ARGS'";
    default:
      return {};
  }
}

Parameter parameter(std::string name, const Argument& argument, const base::Option* field) {
  if (field == nullptr)
    return {std::move(name), argument.summary, argument.type, argument.value, argument.required, nullptr};
  return {std::move(name), argument.summary.empty() ? field->summary : argument.summary,
          type_of(*field), argument.value.empty() ? value_of(*field) : argument.value,
          field->required, field};
}

base::Value value_of(const base::Option& field, const std::string& text, const base::Origin& origin) {
  if (field.type == OptionType::integer) {
    const auto number = base::parse_number<std::int64_t>(text);
    if (!number)
      throw base::Error(base::Fault::usage,
                        fmt::format("{}: '{}' is no whole number", origin.file, base::printable(text)),
                        fmt::format("write for example {} 14", origin.file));
    return base::number_value(*number, origin);
  }
  const bool is_path =
      field.type == OptionType::path || field.type == OptionType::directory || field.type == OptionType::secret_file;
  if (is_path && !text.empty() && !text.starts_with("credential:"))
    return base::text_value(config::absolute(text), origin);
  return base::text_value(text, origin);
}

}  // namespace

std::string Parameter::key() const {
  if (is_positional()) return name;
  for (const std::string& form : base::split(name, ','))
    if (form.starts_with("--")) return form.substr(2);
  return name.substr(1);
}

std::vector<Parameter> parameters(const Command& command) {
  const std::span<const base::Option> fields =
      command.verb == nullptr ? std::span<const base::Option>() : command.verb->fields;
  std::vector<Parameter> positional, of_fields, own;
  for (const Argument& argument : command.arguments) {
    const auto field = std::ranges::find(fields, argument.field, &base::Option::name);
    if (argument.name.empty()) continue;
    if (!argument.name.starts_with('-'))
      positional.push_back(parameter(std::string(argument.name), argument, field == fields.end() ? nullptr : &*field));
    else if (field == fields.end())
      own.push_back(parameter(std::string(argument.name), argument, nullptr));
  }
  for (const base::Option& field : fields) {
    const auto said = std::ranges::find(command.arguments, field.name, &Argument::field);
    if (said != command.arguments.end()) {
      if (said->name.starts_with('-')) of_fields.push_back(parameter(std::string(said->name), *said, &field));
      continue;
    }
    std::string name = fmt::format("--{}", field.name);
    std::ranges::replace(name, '_', '-');
    of_fields.push_back(parameter(std::move(name), {}, &field));
  }
  std::vector<Parameter> all = std::move(positional);
  std::ranges::move(of_fields, std::back_inserter(all));
  std::ranges::move(own, std::back_inserter(all));
  return all;
}

base::Options request(const Context& context) {
  const std::vector<Parameter> all = parameters(*context.command);
  base::Table said;
  for (const base::Option& field : context.command->verb->fields) {
    const auto parameter = std::ranges::find(all, &field, &Parameter::field);
    const bool shown = parameter != all.end();
    const std::string key = shown ? parameter->key() : std::string(field.name);
    if (!context.arguments.has(key)) continue;
    const base::Origin origin{shown && parameter->is_positional() ? key : "--" + key};
    const std::vector<std::string> texts = context.arguments.all(key);
    base::Value value{true, origin};
    if (type_of(field) == ArgumentType::values) {
      base::List list;
      for (const std::string& text : texts) list.push_back(value_of(field, text, origin));
      value.data = std::move(list);
    } else if (type_of(field) == ArgumentType::value) {
      value = value_of(field, texts.back(), origin);
    }
    said.emplace_back(field.name, std::move(value));
  }
  return reconcile::validated(*context.command->verb, said);
}

int run_verb(Context& context) {
  const base::Options wanted = request(context);
  const reconcile::Host host = context.host();
  return show(context, context.command->verb->run(host, wanted).verdict);
}

}  // namespace everseal::cli
