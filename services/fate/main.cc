#include "fate/command.h"

int main(int argc, char** argv) { return fate::cli::Main(argc, argv); }
