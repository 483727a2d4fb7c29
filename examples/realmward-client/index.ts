export * from '../../src/client/portable.ts';
