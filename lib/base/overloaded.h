// One lambda an alternative, for std::visit.
#pragma once

namespace everseal::base {

template <class... Fs>
struct Overloaded : Fs... {
  using Fs::operator()...;
};

}  // namespace everseal::base
