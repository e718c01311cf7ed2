using Coppice.Cli;

return await CoppiceCommand.RunAsync(args);
