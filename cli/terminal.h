// The terminal, where there is one.
#pragma once

#include "base/secret.h"
#include "report/wrap.h"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace everseal::cli {

using report::Indent;
using report::LongWords;
using report::wrap;

enum class Stream { output, errors };

bool is_terminal(Stream stream) noexcept;
std::optional<std::size_t> width(Stream stream) noexcept;  // columns; nullopt where it is no terminal
bool can_rewrite(Stream stream) noexcept;                  // a terminal whose lines may be written over
bool wants_colour(Stream stream) noexcept;                 // and no NO_COLOR

// Printable text broken at the terminal's width (wrap.h); as it is where the stream is none.
std::string flowed(std::string_view text, Indent indent, Stream stream);

// Text in one of the few styles that messages use; plain where the stream takes no colour.
enum class Style { bold, red, green, yellow, dim };
std::string styled(std::string_view text, Style style, Stream stream);

// Asks on the controlling terminal without echo; nullopt where there is none. `again` asks twice until both are equal.
enum class Ask { once, twice };
std::optional<base::Secret> ask_secret(const std::string& question, Ask ask);

}  // namespace everseal::cli
